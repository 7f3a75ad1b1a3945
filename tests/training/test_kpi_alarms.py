"""Alarms of key figures: a run names the figures outside their bands, once for each week."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.customers.kpis.bands import WATCHED
from recsys.data.runs import WATCHED_FIGURES, RunRecord
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.jobs.runs import run_record
from training.kpi_alarms import raise_alarms


def report(week: int, *outside: str) -> dict[str, Any]:
    watched = [
        {"name": name, "week": {"from": week}, "value": 5.0, "low": 10.0, "high": 20.0, "is_outside": name in outside}
        for name in WATCHED
    ]
    return {"as_of": week + 1, "watch": watched}


def ran(store: Store, week: int, *outside: str) -> RunRecord:
    with run_record(store, "kpis", "test") as run:
        raise_alarms(store, run, report(week, *outside))
    last = store.run(run.run_id)
    assert last is not None
    return last


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, None)


def test_a_figure_outside_its_band_is_an_alarm_once_for_its_week(store: Store) -> None:
    assert ran(store, 1).verdict == "done"
    first = ran(store, 2, "revenue")
    assert (first.verdict, list(first.reasons)) == ("alarm", ["revenue is 5, outside its band from 10 to 20"])
    assert first.result[WATCHED_FIGURES] == {name: name == "revenue" for name in WATCHED}
    assert ran(store, 2, "revenue").verdict == "done"
    assert list(ran(store, 2, "revenue", "nps").reasons) == ["nps is 5, outside its band from 10 to 20"]
    assert ran(store, 3, "revenue").verdict == "alarm"
    assert first.is_success


def test_a_run_with_a_cause_is_kept_and_one_of_a_person_is_not(trained_home: Path, tmp_path: Path) -> None:
    from tests.homes import copy_home

    home = copy_home(trained_home, tmp_path / "home")
    note = tmp_path / "note"
    (home / "recsys.toml").write_text(f"[notify]\ncommand = ['tee', '{note}']\non = ['done', 'alarm']\n")
    for words in (["kpis"], ["kpis", "--cause", "schedule"]):
        assert CliRunner().invoke(application(), ["--home", str(home), *words, "--json"]).exit_code == 0
    (run,) = open_store(home, None).runs(job="kpis")
    assert (run.cause, run.verdict) == ("schedule", "done")
    assert orjson.loads(note.read_bytes())["type"] == "run.done"

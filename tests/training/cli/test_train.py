"""`recsys train` prints the choices that it made."""

import json
from pathlib import Path

import orjson
from typer.testing import CliRunner

from recsys.bundle import Manifest
from recsys.cli.app import application
from recsys.clock import CLOCK_FILE, read_clock
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from tests.homes import copy_home
from training.cli.train import _choices
from training.registry import Registry
from training.schedule.job_lock import job_lock, open_job_lock


def manifest(left_out: dict[str, str], days: dict[str, float | None]) -> Manifest:
    half_lives: dict[str, dict[str, object]] = {name: {"days": value, "tried": {}} for name, value in days.items()}
    return Manifest(version="v", made_at_ms=0, now=0.0, blend={"left_out": left_out, "half_lives": half_lives})


def test_models_left_out_for_one_reason_are_told_together() -> None:
    choices = _choices(manifest({"ease": "adds nothing", "graph_walk": "adds nothing", "sequence": "no time"}, {}))
    assert choices == {"not made": "ease, graph_walk (adds nothing); sequence (no time)"}


def test_how_long_each_model_remembers_is_told_and_inf_is_never() -> None:
    choices = _choices(manifest({}, {"als": 60.4, "popularity": None, "buy_again": float("inf")}))
    assert choices == {
        "longest half-life": "als 60 days, popularity never forgets, buy_again never forgets",
    }


def test_a_training_without_choices_tells_of_none() -> None:
    assert _choices(manifest({}, {})) == {}


def test_events_beside_the_log_are_refused_without_spark(trained_home: Path, tmp_path: Path) -> None:
    home = copy_home(trained_home, tmp_path / "home")
    result = CliRunner().invoke(application(), ["--home", str(home), "train", "--events", "/lake"])
    assert result.exit_code == 1
    assert "only Spark reads events beside the log; add --engine spark" in " ".join(result.stderr.split())


def test_a_training_beside_another_job_gives_up_and_names_it(trained_home: Path, tmp_path: Path) -> None:
    home = copy_home(trained_home, tmp_path / "home")
    with job_lock(open_job_lock(home, None), Registry(home), "sweep"):
        result = CliRunner().invoke(application(), ["--home", str(home), "train", "--wait", "0"])
    assert result.exit_code == 1
    assert "job_running: train does not start, because sweep on" in result.stderr
    assert Registry(home).live() == Registry(trained_home).live()


def test_a_job_says_for_whom_it_waits(trained_home: Path, tmp_path: Path) -> None:
    home = copy_home(trained_home, tmp_path / "home")
    with job_lock(open_job_lock(home, None), Registry(home), "train"):
        result = CliRunner().invoke(application(), ["--home", str(home), "sweep", "--wait", "0.1"])
    assert result.exit_code == 1
    assert "waits for train on" in result.stderr


def test_a_sweep_says_how_much_is_too_old_and_deletes_it_by_a_clock_without_doubt(tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text("[keep]\nview_days = 400\n")
    store = open_store(tmp_path, None)
    store.append([Event("old", "u", "i", Kind.VIEW, 1), Event("new", "u", "i", Kind.PURCHASE, 1)])

    def swept(*words: str) -> str:
        return CliRunner().invoke(application(), ["--home", str(tmp_path), "sweep", *words]).stdout

    assert "would be deleted: 1 events of kind view" in swept("--dry-run")
    assert json.loads(swept("--dry-run", "--json"))["events"] == {"view": 1}
    assert "the clock is in doubt" in swept()
    assert store.head() == 2
    now = read_clock()
    (tmp_path / CLOCK_FILE).write_bytes(orjson.dumps([[*now], None]))
    assert json.loads(swept("--json"))["aged"]["events"] == {"view": 1}
    assert [event.event_id for event in store.user_events("u")] == ["new"]
    store.close()

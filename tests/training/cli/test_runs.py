"""Command `recsys runs`: a training of the command line is told, with cause and verdict, and so is one that failed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.runs import RunRecord
from recsys.data.store.open import open_store


def run(home: Path, *words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(application(), ["--home", str(home), *words])
    assert result.exit_code == code, result.output
    return result


def put(home: Path, *runs: RunRecord) -> None:
    store = open_store(home, None)
    for each in runs:
        store.put_run(each)
    store.close()


def test_a_failed_training_is_listed_with_its_cause_and_reason(tmp_path: Path) -> None:
    put(tmp_path)
    run(tmp_path, "train", "--cause", "cron", code=1)
    (listed,) = json.loads(run(tmp_path, "runs", "--json").stdout)
    assert (listed["job"], listed["cause"], listed["verdict"]) == ("train", "cron", "failed")
    assert listed["reasons"][0].startswith("not_enough_data: ")
    shown = run(tmp_path, "runs", "show", listed["run_id"]).stdout
    assert "not_enough_data" in shown
    assert "started by cron" in shown


def test_the_cause_comes_from_the_environment_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path)
    monkeypatch.setenv("RECSYS_CAUSE", "systemd timer")
    run(tmp_path, "train", code=1)
    assert json.loads(run(tmp_path, "runs", "--json").stdout)[0]["cause"] == "systemd timer"


def test_runs_are_listed_by_job_and_number(tmp_path: Path) -> None:
    put(
        tmp_path,
        *(RunRecord(f"{n}-{job}", job, "cron", n, verdict="done") for n in range(1, 4) for job in ("train", "sweep")),
    )
    listed = run(tmp_path, "runs", "--job", "train", "-n", "2").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["run", "3-train", "2-train"]
    assert "No run of check yet." in run(tmp_path, "runs", "--job", "check").stdout


def test_the_first_characters_name_a_run_if_no_other_begins_so(tmp_path: Path) -> None:
    put(tmp_path, *(RunRecord(run_id, "train", "cron", 1, verdict="done") for run_id in ("ab", "abc", "axy")))
    assert json.loads(run(tmp_path, "runs", "show", "ax", "--json").stdout)["run_id"] == "axy"
    assert json.loads(run(tmp_path, "runs", "show", "ab", "--json").stdout)["run_id"] == "ab"
    assert "3 runs begin with 'a'" in run(tmp_path, "runs", "show", "a", code=1).output
    assert "unknown_run: there is no run 'q'" in run(tmp_path, "runs", "show", "q", code=1).output


def test_a_run_without_an_end_whose_process_is_gone_died(tmp_path: Path) -> None:
    put(tmp_path, RunRecord("a", "train", "cron", 1, alive_ms=2))
    assert json.loads(run(tmp_path, "runs", "--json").stdout)[0]["verdict"] == "died"


def test_imports_checks_and_sweeps_are_runs_too(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("user_id,item_id,at\nu,i,2026-01-01\nu,j,yesterday\n")
    home = tmp_path / "home"
    run(home, "import", "events", str(file), "--kind", "purchase", "--cause", "cron", code=3)
    run(home, "check", "--cause", "schedule")
    run(home, "sweep")
    sweep, check, imported = json.loads(run(home, "runs", "--json").stdout)
    assert [(each["job"], each["cause"], each["verdict"]) for each in (sweep, check, imported)] == [
        ("sweep", "command line", "done"),
        ("check", "schedule", "done"),
        ("import", "cron", "failed"),
    ]
    assert imported["result"] == {"files": [str(file)], "lines": 2, "accepted": 1, "rejected": 1}
    assert imported["reasons"] == ["1 of 2 lines were refused"]
    assert imported["log_seq"] == 1


def test_a_check_that_says_stop_is_a_failed_run(tmp_path: Path) -> None:
    put(tmp_path)
    run(tmp_path, "check", "--cause", "cron", code=2)
    (check,) = json.loads(run(tmp_path, "runs", "--json").stdout)
    assert (check["verdict"], len(check["reasons"]) > 0) == ("failed", True)

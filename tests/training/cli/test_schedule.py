"""`recsys schedule` as a person starts and stops it."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store
from recsys.time_units import DAY_MS, now_ms
from tests.homes import copy_home
from training.schedule.holder import this_process
from training.schedule.job_lock import FileJobLock
from training.schedule.jobs import JOBS
from training.schedule.plans import RECSYS
from training.schedule.state import JobState, read_state


def only(*names: str) -> str:
    """Settings without jitter, in which all other jobs are off."""
    off = "".join(f'[schedule.{job.name}]\ncron = "off"\n' for job in JOBS if job.name not in names)
    return f"[schedule]\njitter_s = 0\n{off}"


@pytest.fixture
def home(trained_home: Path, tmp_path: Path) -> Path:
    return copy_home(trained_home, tmp_path / "home")


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "schedule", *words])


@pytest.fixture
def scheduler(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """A scheduler in a process of its own, which has missed the sweep of last week."""
    (home / "recsys.toml").write_text(only("sweep"))
    read_state(home).put("sweep", JobState(now_ms() - 8 * DAY_MS))
    command = [*RECSYS, "--home", str(home), "schedule", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def line_with(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


def test_the_next_times_are_shown_and_nothing_is_written(home: Path) -> None:
    (home / "recsys.toml").write_text(
        only("train") + '[schedule.train]\ncron = "30 2 * * *"\ntimezone = "Europe/Berlin"\n'
    )
    result = run(home, "--next", "--json")
    (row,) = json.loads(result.stdout)
    assert (row["job"], row["cron"], row["time zone"], row["last"]) == (
        "train",
        "30 2 * * *",
        "Europe/Berlin",
        "never",
    )
    assert [at[11:16] for at in row["next"]] == ["02:30"] * 3
    assert sorted(row["next"]) == row["next"]
    assert run(home, "--dry-run").stdout.splitlines()[1].startswith("train\t30 2 * * *\tEurope/Berlin\t")
    assert read_state(home).states == {}


def test_a_missed_job_is_made_up_for_and_sigterm_ends_the_scheduler(
    scheduler: "subprocess.Popen[str]", home: Path
) -> None:
    assert "next: sweep" in line_with(scheduler, "jobs:")
    assert "sweep: done" in line_with(scheduler, "sweep: done")
    assert FileJobLock(home / "run" / "schedule.lock").take(this_process("schedule"), 0) is None
    scheduler.send_signal(signal.SIGTERM)
    assert line_with(scheduler, "stopped")
    assert scheduler.stdout is not None
    (ended,) = map(json.loads, scheduler.stdout)
    assert (ended["job"], ended["code"], ended["ending"]) == ("sweep", 0, "exit")
    assert scheduler.wait(20) == 0
    state = read_state(home).states["sweep"]
    assert state.last_end is not None
    assert state.last_end.code == 0
    assert state.done_ms > now_ms() - 8 * DAY_MS
    assert "done" in run(home, "--next").stdout


def test_a_second_scheduler_of_a_home_stands_by(scheduler: "subprocess.Popen[str]", home: Path) -> None:
    line_with(scheduler, "jobs:")
    command = [*RECSYS, "--home", str(home), "schedule"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as second:
        assert f"process {scheduler.pid}" in line_with(second, "stands by")
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0


def test_a_job_runs_once_with_its_own_exit_code(home: Path) -> None:
    result = run(home, "--once", "check", "--json")
    assert json.loads(result.stdout)["job"] == "check"
    assert result.exit_code == json.loads(result.stdout)["code"]
    (home / "recsys.toml").write_text('[schedule.check]\narguments = ["--no-such-option"]\n')
    assert run(home, "--once", "check").exit_code == 2


def test_checks_and_sweeps_are_kept_as_runs_with_their_cause(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["check"], ["check", "--cause", "cron"], ["sweep", "--cause", "cron"]):
        assert CliRunner().invoke(application(), ["--home", str(home), *words]).exit_code == 0
    monkeypatch.setenv("RECSYS_CAUSE", "Kubernetes")
    assert run(home, "--once", "sweep").exit_code == 0
    with closing(open_store(home, None)) as store:
        runs = [(run.job, run.cause, run.verdict) for run in reversed(store.runs()) if run.job != "train"]
    assert runs == [("check", "cron", "done"), ("sweep", "cron", "done"), ("sweep", "Kubernetes", "done")]


def test_a_job_beyond_its_memory_is_killed_and_says_so(home: Path) -> None:
    (home / "recsys.toml").write_text("[schedule.check]\nmax_memory_mb = 1\n")
    result = run(home, "--once", "check")
    assert result.exit_code == 1
    assert "check: killed, because it needed more than its memory (max_memory_mb)" in result.stderr


def test_a_job_that_is_unknown_or_a_schedule_without_jobs_is_refused(home: Path) -> None:
    assert "tarin is no job; did you mean 'train'?" in run(home, "--once", "tarin").stderr
    (home / "recsys.toml").write_text(only())
    assert "every job is off" in run(home, "--next").stderr

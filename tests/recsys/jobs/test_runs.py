"""Recording of runs: every way in which a job ends is kept, and nothing of it stops the job."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recsys.data.lineage import Watermark
from recsys.data.run_process import DIED, process_name
from recsys.data.runs import RunRecord
from recsys.data.store.open import open_store
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import LogUnavailable, NotEnoughData
from recsys.jobs import runs as runs_module
from recsys.jobs.runs import end_dead_runs, end_killed_run, run_record
from recsys.progress import StepLog

KILLED = """
import os, signal, sys
from pathlib import Path
from recsys.data.store.open import open_store
from recsys.jobs.runs import run_record
with run_record(open_store(Path(sys.argv[1]), None), "train", "cron"):
    os.kill(os.getpid(), int(sys.argv[2]))
    signal.pause()
"""

TOO_LARGE = "killed, because it needed more than its memory"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path, None)
    assert isinstance(store, SqliteStore)
    yield store
    store.close()


def only_run(store: SqliteStore) -> RunRecord:
    (run,) = store.runs()
    return run


def test_a_run_is_kept_with_all_that_the_job_noted(store: SqliteStore) -> None:
    steps = StepLog()
    with run_record(store, "train", "cron", steps) as run:
        assert (only_run(store).verdict, only_run(store).process) == ("running", process_name())
        run.watermark, run.data_digest, run.version = Watermark("log", 7, 3), "abc", "v1"
        run.result["metrics"] = {"ndcg": 0.5}
        run.decide("promoted", "better than\nthe floors")
        with steps("read"):
            logging.getLogger("recsys.data").info("read", extra={"events": 3})
    kept = only_run(store)
    assert (kept.run_id, kept.job, kept.cause) == (run.run_id, "train", "cron")
    assert (kept.verdict, kept.reasons, kept.watermark) == ("promoted", ["better than the floors"], ("log", 7, 3))
    assert (kept.data_digest, kept.version, kept.result) == ("abc", "v1", {"metrics": {"ndcg": 0.5}})
    assert kept.ended_ms is not None
    assert kept.ended_ms >= kept.started_ms
    assert kept.wall_s >= 0
    assert kept.cpu_s >= 0
    assert kept.peak_mib > 1
    assert list(kept.steps) == ["read"]
    assert [line.partition("UTC ")[2] for line in kept.log] == ["info read events=3"]


def test_an_error_is_the_reason_of_a_failed_run_and_goes_on(store: SqliteStore) -> None:
    with pytest.raises(NotEnoughData), run_record(store, "train", "cron"):
        raise NotEnoughData("too little at postgresql://shop:hunter22@db/shop")
    kept = only_run(store)
    assert (kept.verdict, kept.reasons) == ("failed", ["not_enough_data: too little at postgresql://shop:***@db/shop"])


def test_ctrl_c_is_a_reason_of_its_own(store: SqliteStore) -> None:
    with pytest.raises(KeyboardInterrupt), run_record(store, "train", "cron"):
        raise KeyboardInterrupt
    assert only_run(store).reasons == ["stopped with Ctrl-C"]


@pytest.mark.parametrize(
    ("number", "verdict"),
    [(signal.SIGTERM, "failed stopped with SIGTERM"), (signal.SIGKILL, f"died {DIED}")],
)
def test_a_job_that_is_ended_from_outside_is_no_running_job(
    store: SqliteStore, tmp_path: Path, number: int, verdict: str
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(int(number))], check=False, timeout=60)
    end_dead_runs(store)
    kept = only_run(store)
    assert (f"{kept.verdict} {kept.reasons[0]}", kept.ended_ms is None) == (verdict, False)


def test_the_next_run_ends_the_dead_ones_before_it(store: SqliteStore) -> None:
    machine, pid, _ = process_name().split(" ")
    store.put_run(RunRecord("a", "train", "cron", 1, f"{machine} {pid} 1", alive_ms=2))
    with run_record(store, "sweep", "cron"):
        pass
    assert [run.verdict for run in store.runs(job="train")] == ["died"]


def test_a_store_that_does_not_answer_stops_no_job(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*values: object) -> None:
        raise LogUnavailable("the disk is full")

    monkeypatch.setattr(store, "_write", fail)
    with run_record(store, "train", "cron") as run:
        run.version = "v1"
    assert store.runs() == []


def test_a_long_run_gives_signs_of_life(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "BEAT_S", 0.001)
    beats: list[str] = []
    monkeypatch.setattr(store, "keep_run_alive", lambda run_id, at_ms: beats.append(run_id))
    with run_record(store, "train", "cron") as run:
        while not beats:
            os.sched_yield()
    assert set(beats) == {run.run_id}


def test_only_the_newest_runs_of_a_job_stay(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "KEPT_RUNS", 2)
    old = RunRecord("a", "train", "cron", 1, verdict="done")
    for n in range(4):
        store.put_run(replace(old, run_id=f"{n}", started_ms=n))
    with run_record(store, "train", "cron") as run:
        pass
    assert [kept.run_id for kept in store.runs()] == [run.run_id, "3"]


def test_the_run_of_a_process_that_was_killed_says_why(store: SqliteStore, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(int(signal.SIGKILL))]
    with run_record(store, "sweep", "cron"):
        with subprocess.Popen(command) as process:
            process.wait(60)
        for _ in range(2):
            end_killed_run(store, "train", process.pid, TOO_LARGE, seconds=3.0, peak_mib=584.4)
        end_killed_run(store, "sweep", os.getpid(), "not this one", seconds=3.0, peak_mib=1.0)
        runs = {run.job: (run.verdict, list(run.reasons), run.peak_mib) for run in store.runs()}
    assert runs == {
        "train": ("died", [TOO_LARGE], 584.4),
        "sweep": ("running", [], 0.0),
    }


def test_a_job_that_was_killed_before_it_had_a_run_gets_one(store: SqliteStore) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait(60)
    end_killed_run(store, "train", process.pid, TOO_LARGE, seconds=3.0, peak_mib=584.4)
    (run,) = store.runs()
    assert (run.job, run.verdict, list(run.reasons), run.wall_s) == ("train", "died", [TOO_LARGE], 3.0)
    assert run.ended_ms is not None
    assert run.ended_ms - run.started_ms == 3_000

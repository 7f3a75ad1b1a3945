"""Counters of a canary: marks of all workers, each customer once, and nothing left behind."""

from pathlib import Path

import numpy as np

from recsys.canary.counters import MARKS, ArmCount, CanaryCounters, counter_file, read_counts, remove_counters
from recsys.canary.split import BUCKETS
from recsys.canary.state import Canary

CANARY = Canary(version="v2", champion="v1", share=25, hours=24, began_at_ms=0)
OF_LIVE = CANARY.n_buckets  # the first bucket that the canary does not serve


def test_marks_of_two_workers_add_up_and_a_customer_counts_once(tmp_path: Path) -> None:
    first, second = (CanaryCounters(tmp_path, CANARY, 0) for _ in range(2))
    for worker in (first, second, first):
        worker.mark(3, "answered")
    second.mark(4, "answered")
    second.mark(4, "error")
    first.mark(OF_LIVE, "answered")
    first.mark(BUCKETS - 1, "empty")
    for counts in (first.counts(), second.counts(), read_counts(tmp_path, CANARY, 0)):
        assert {name: (arms.canary.marked, arms.live.marked) for name, arms in counts.items() if any(arms)} == {
            "answered": (2, 1),
            "error": (1, 0),
            "late": (0, 0),
            "fallback": (0, 0),
            "empty": (0, 1),
        }
        assert counts["error"].canary == ArmCount(2, 1)


def test_every_hour_counts_anew(tmp_path: Path) -> None:
    CanaryCounters(tmp_path, CANARY, 0).mark(3, "error")
    assert CanaryCounters(tmp_path, CANARY, 1).counts()["error"].canary.marked == 0
    assert read_counts(tmp_path, CANARY, 2)["answered"].live.n == 0


def test_the_files_are_whole_on_disk_and_removed(tmp_path: Path) -> None:
    kept = counter_file(tmp_path, CANARY, 1)
    counters = [CanaryCounters(tmp_path, CANARY, window) for window in (0, 1)]
    assert kept.stat().st_blocks * 512 >= len(MARKS) * BUCKETS
    remove_counters(tmp_path, kept)
    assert list((tmp_path / "run").iterdir()) == [kept]
    counters[0].mark(0, "late")  # a worker that has it mapped goes on
    remove_counters(tmp_path)
    assert list((tmp_path / "run").iterdir()) == []


def test_many_buckets_are_marked_as_one_by_one(tmp_path: Path) -> None:
    counters = CanaryCounters(tmp_path, CANARY, 0)
    counters.mark_all(np.array([7, 3, 7, BUCKETS - 1], np.int32), "answered")
    counters.mark_all(np.array([], np.int32), "late")
    counters.mark(7, "late")
    counts = read_counts(tmp_path, CANARY, 0)
    assert (sum(arm.marked for arm in counts["answered"]), sum(arm.marked for arm in counts["late"])) == (3, 1)


def test_without_a_folder_to_write_into_a_worker_counts_for_itself(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    counters = CanaryCounters(tmp_path, CANARY, 0)
    counters.mark(3, "answered")
    assert not counters.is_shared
    assert counters.counts()["answered"].canary.marked == 1


def test_a_file_that_was_cut_short_is_read_as_zeros(tmp_path: Path) -> None:
    counters = CanaryCounters(tmp_path, CANARY, 0)
    counters.mark(3, "answered")
    file = counter_file(tmp_path, CANARY, 0)
    file.write_bytes(file.read_bytes()[:2])
    assert read_counts(tmp_path, CANARY, 0)["answered"].canary.marked == 0

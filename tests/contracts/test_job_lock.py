"""Promises of a job lock, for the file of a home and for the lease in PostgreSQL."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Thread

import pytest

from recsys.errors import JobRunning
from training.registry import Registry
from training.schedule.holder import JobHolder, JobLock, this_process
from training.schedule.job_lock import LOCK_FILE, FileJobLock, job_lock, open_job_lock
from training.schedule.postgres_lease import PostgresLease

OpenLock = Callable[[], JobLock]


@pytest.fixture(params=["file", "postgres"])
def open_lock(request: pytest.FixtureRequest, tmp_path: Path) -> OpenLock:
    """Opens the same lock as another process would."""
    url = request.getfixturevalue("empty_postgres") if request.param == "postgres" else None
    return lambda: open_job_lock(tmp_path, url)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def test_the_generation_grows_with_every_taking(open_lock: OpenLock, registry: Registry) -> None:
    generations = []
    for _ in range(3):
        with job_lock(open_lock(), registry, "train") as generation:
            generations.append(generation)
            assert registry.generation() == generation
    assert generations == sorted(set(generations))
    assert generations[0] > 0


def test_a_second_job_is_refused_and_learns_who_runs(open_lock: OpenLock, registry: Registry) -> None:
    with (
        job_lock(open_lock(), registry, "train"),
        pytest.raises(JobRunning, match=r"sweep does not start, because train on .*process \d+, since .* runs"),
        job_lock(open_lock(), registry, "sweep", wait_s=0),
    ):
        pytest.fail("two jobs held the lock")
    with job_lock(open_lock(), registry, "sweep", wait_s=0):
        pass


def test_a_job_waits_for_another_and_says_so_once(open_lock: OpenLock, registry: Registry) -> None:
    holders: list[JobHolder | None] = []
    first = ExitStack()
    first.enter_context(job_lock(open_lock(), registry, "train"))
    waits = iter([lambda: None, lambda: None, first.close])
    with job_lock(open_lock(), registry, "sweep", on_wait=holders.append, sleep=lambda _: next(waits)()) as generation:
        assert generation == registry.generation()
    assert [holder.job for holder in holders if holder] == ["train"]


def test_an_error_of_the_job_releases_the_lock(open_lock: OpenLock, registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError), job_lock(open_lock(), registry, "train"):
        raise ZeroDivisionError
    with job_lock(open_lock(), registry, "train", wait_s=0):
        pass


def test_a_restored_lock_begins_above_the_generation_of_the_registry(open_lock: OpenLock, registry: Registry) -> None:
    registry.begin_generation(41)
    with job_lock(open_lock(), registry, "train") as generation:
        assert generation == 42


def test_nobody_holds_a_lock_that_was_let_go(open_lock: OpenLock, registry: Registry) -> None:
    with closing(open_lock()) as lock:
        assert lock.holder() is None
        with job_lock(open_lock(), registry, "train"):
            holder = lock.holder()
        assert holder is not None
        assert (holder.job, holder.pid) == ("train", os.getpid())
        assert lock.holder() is None


def test_of_many_threads_one_holds_the_lock_at_a_time(open_lock: OpenLock, registry: Registry) -> None:
    inside: list[int] = []
    overlaps: list[int] = []
    generations: list[int] = []
    pause = Event()

    def run() -> None:
        with job_lock(open_lock(), registry, "train", sleep=lambda _: pause.wait(0.01)) as generation:
            inside.append(generation)
            overlaps.extend(inside[1:])
            pause.wait(0.01)
            generations.append(generation)
            inside.remove(generation)

    threads = [Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == []
    assert generations == sorted(set(generations))
    assert len(generations) == len(threads)


@pytest.fixture
def short_leases(empty_postgres: str) -> Iterator[Callable[[float], PostgresLease]]:
    """Opens the lease with that lifetime."""
    with ExitStack() as leases:
        yield lambda ttl_s: leases.enter_context(closing(PostgresLease(empty_postgres, ttl_s=ttl_s)))


def test_a_holder_that_stands_still_loses_its_lease_and_cannot_renew_or_release_it(
    short_leases: Callable[[float], PostgresLease],
) -> None:
    stopped, other = short_leases(0.0), short_leases(60.0)
    old = stopped.take(this_process("train"), 0)
    new = other.take(this_process("train"), 0)
    assert old is not None
    assert new == old + 1
    assert not stopped.renew(old)
    stopped.release(old)
    assert other.renew(new)
    assert short_leases(60.0).take(this_process("sweep"), 0) is None
    other.release(new)


def test_a_late_renewal_counts_while_nobody_else_took_the_lease(
    short_leases: Callable[[float], PostgresLease],
) -> None:
    late = short_leases(0.0)
    generation = late.take(this_process("train"), 0)
    assert generation is not None
    assert late.renew(generation)
    late.release(generation)


def test_a_lease_is_renewed_while_its_job_runs(
    short_leases: Callable[[float], PostgresLease], registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    renewed = Event()

    class Watched(PostgresLease):
        def renew(self, generation: int) -> bool:
            answer = super().renew(generation)
            renewed.set()
            return answer

    lease = short_leases(60.0)
    lease.__class__ = Watched
    lease.renew_s = 0.001
    with caplog.at_level(logging.WARNING), job_lock(lease, registry, "train"):
        assert renewed.wait(10)
    assert caplog.messages == []


def test_a_lock_on_a_file_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom training.schedule.holder import this_process\n"
        "from training.schedule.job_lock import FileJobLock\n"
        "lock = FileJobLock(Path(sys.argv[1]))\nlock.take(this_process('train'), 0)\nprint('held', flush=True)\n"
        "time.sleep(60)"
    )
    file = tmp_path / LOCK_FILE
    with subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert FileJobLock(file).take(this_process("sweep"), 0) is None
        process.kill()
    after = FileJobLock(file)
    assert after.take(this_process("sweep"), 0) == 1
    after.release(1)

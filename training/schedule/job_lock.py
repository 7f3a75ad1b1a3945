"""Job lock: mutual exclusion of the jobs of a shop, with a generation (fencing token) that grows with every taking.

Without a database the lock is a file of the home, which the kernel releases when its holder dies.  With one it is a
lease in PostgreSQL, see `postgres_lease.py`.  A job that lost its lease, say because its machine stood still, holds an
old generation; `Registry.promote` refuses its release.
(M. Kleppmann, Designing Data-Intensive Applications, 2017, chapter 8, "Fencing tokens".)
"""

import fcntl
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO

from recsys.errors import JobRunning, LogUnavailable
from training.registry import Registry
from training.schedule.holder import JobHolder, JobLock, parse_holder, this_process

LOCK_FILE = "run/job.lock"
POLL_S = 1.0

log = logging.getLogger(__name__)


class FileJobLock:
    """A lock on a file of the home.  On a shared disk it holds between machines as far as `flock` does there."""

    renew_s: float | None = None

    def __init__(self, file: Path) -> None:
        self._path = file
        self._file: IO[bytes] | None = None

    def take(self, holder: JobHolder, floor: int) -> int | None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            file.write(holder.to_json())
            file.flush()
        except BlockingIOError:
            file.close()
            return None
        except BaseException:
            file.close()
            raise
        self._file = file
        return floor + 1  # the registry keeps the floor, and only a holder of the lock raises it

    def holder(self) -> JobHolder | None:
        try:
            return parse_holder(self._path.read_bytes())
        except OSError:
            return None

    def renew(self, generation: int) -> bool:
        return self._file is not None

    def release(self, generation: int) -> None:
        if self._file is not None:
            with suppress(OSError):  # on a full disk the name of the last holder stays, unlocked
                self._file.truncate(0)
            self._file.close()
            self._file = None

    def close(self) -> None:
        pass


def open_job_lock(home: Path, database_url: str | None) -> JobLock:
    """The lock of that home, or of all machines that share the database.  Raises BadSettings for a malformed URL."""
    if not database_url:
        return FileJobLock(home / LOCK_FILE)
    from training.schedule.postgres_lease import PostgresLease

    return PostgresLease(database_url)


@contextmanager
def job_lock(
    lock: JobLock,
    registry: Registry,
    job: str,
    *,
    wait_s: float | None = None,
    on_wait: Callable[[JobHolder | None], object] = lambda holder: None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[int]:
    """Holds the lock, which it closes in the end, and yields the generation for `Registry.promote`.

    Waits for another job, without end if wait_s is None; on_wait gets its holder once.
    Raises JobRunning when it still runs after wait_s, LogUnavailable.
    """
    with closing(lock):
        generation = _take(lock, registry, job, wait_s=wait_s, on_wait=on_wait, sleep=sleep)
        try:
            registry.begin_generation(generation)
            log.info("job_lock_taken", extra={"job": job, "generation": generation})
            with _renewed(lock, generation):
                yield generation
        finally:
            with suppress(LogUnavailable):  # the lease then ends by itself
                lock.release(generation)


def _take(
    lock: JobLock,
    registry: Registry,
    job: str,
    *,
    wait_s: float | None,
    on_wait: Callable[[JobHolder | None], object],
    sleep: Callable[[float], object],
) -> int:
    waited_s = 0.0
    while (generation := lock.take(this_process(job), registry.generation())) is None:
        holder = lock.holder()
        if wait_s is not None and waited_s >= wait_s:
            others = holder or "another job"
            raise JobRunning(
                f"{job} does not start, because {others} runs; try again later, or wait with --wait SECONDS"
            )
        if waited_s == 0:
            on_wait(holder)
        pause_s = POLL_S if wait_s is None else min(POLL_S, wait_s - waited_s)
        sleep(pause_s)
        waited_s += pause_s
    return generation


@contextmanager
def _renewed(lock: JobLock, generation: int) -> Iterator[None]:
    """Keeps the lease until the block ends, or another has it."""
    ended = Event()

    def renew() -> None:
        while not ended.wait(lock.renew_s):
            try:
                if not lock.renew(generation):
                    log.warning("job_lock_lost", extra={"generation": generation})
                    return
            except LogUnavailable as error:
                log.warning("job_lock_not_renewed", extra={"error": str(error)})

    if lock.renew_s is None:
        yield
        return
    thread = Thread(target=renew, name="job-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

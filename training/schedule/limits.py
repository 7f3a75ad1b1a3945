"""Limits of a job in a process of its own: time and memory, so that a training is killed before it hurts serving.

Memory that belongs to the job alone is counted (anonymous and shared memory, not mapped files), over all its processes.
Where systemd hands down a cgroup (`Delegate=memory`), the kernel holds the limit itself; elsewhere the job is watched.
In either case the kernel kills the job before anything else where the machine runs out of memory.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal

from training.schedule.cgroup import JobCgroup, job_cgroup

LOOK_S = 0.2
FREE_SHARE = 0.9
MIB = 2**20
KIB = 2**10
KILLED_FIRST = b"900"  # of 1000, for the kernel where memory runs out
PROC = Path("/proc")

Ending = Literal["exit", "time", "memory", "stopped"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Most seconds and bytes of a job, None for no limit; grace_s: from SIGTERM until it is killed."""

    seconds: float | None
    memory_bytes: int | None
    grace_s: float


@dataclass(frozen=True, slots=True)
class JobEnd:
    """The end of a job: its exit code (minus the signal that ended it), why, and what it took."""

    code: int
    ending: Ending
    seconds: float
    peak_mib: float
    pid: int = 0


def run_limited(command: Sequence[str], limits: JobLimits, is_stopping: Callable[[], bool]) -> JobEnd:
    """Runs it to its end; its output goes to stderr.  Raises OSError where it cannot be started.

    Beyond its time, and when we are stopping, it gets SIGTERM and the grace time; beyond its memory it is killed.
    """
    began, peak_bytes, kill_at = time.monotonic(), 0, inf
    ending: Ending = "exit"
    with _started(command) as process, job_cgroup(process.pid, limits.memory_bytes) as cgroup:
        while (code := _wait(process, LOOK_S)) is None:
            now, used_bytes = time.monotonic(), memory_bytes(process.pid)
            peak_bytes = max(peak_bytes, used_bytes)
            limit = _broken(limits, now - began, used_bytes, is_stopping())
            if ending == "exit" and limit != "exit":
                ending, kill_at = limit, now + limits.grace_s
                log.info("job_told_to_end", extra={"pid": process.pid, "limit": limit})
                _signal(process, signal.SIGTERM)
            if limit == "memory" or now >= kill_at:
                _signal(process, signal.SIGKILL)
        if _was_killed_by_kernel(cgroup):
            ending = "memory"
    return JobEnd(code, ending, time.monotonic() - began, peak_bytes / MIB, process.pid)


def free_bytes() -> int | None:
    """What a job may take: nine tenths of the memory that is free now; None where the system does not say."""
    with suppress(OSError, ValueError):
        fields = dict(line.split(":", 1) for line in (PROC / "meminfo").read_text().splitlines())
        return int(FREE_SHARE * KIB * int(fields["MemAvailable"].split()[0]))
    return None


def memory_bytes(session: int) -> int:
    """Memory that the processes of that session do not share with files; 0 where the system does not say."""
    return sum(_own_bytes(path) for path in _processes(session))


def _processes(session: int) -> Iterator[Path]:
    for path in PROC.glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if os.getsid(int(path.name)) == session:
                yield path


def _own_bytes(process: Path) -> int:
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0
    return KIB * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


@contextmanager
def _started(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process in a session of its own, which nothing of it outlives."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True) as process:
        with suppress(OSError):
            (PROC / str(process.pid) / "oom_score_adj").write_bytes(KILLED_FIRST)
        try:
            yield process
        finally:
            _signal(process, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _broken(limits: JobLimits, seconds: float, used_bytes: int, is_stopping: bool) -> Ending:
    if limits.memory_bytes is not None and used_bytes > limits.memory_bytes:
        return "memory"
    if limits.seconds is not None and seconds > limits.seconds:
        return "time"
    return "stopped" if is_stopping else "exit"


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(OSError):  # nothing is left of it
        os.killpg(process.pid, number)


def _was_killed_by_kernel(cgroup: JobCgroup | None) -> bool:
    return cgroup is not None and cgroup.n_kills() > 0

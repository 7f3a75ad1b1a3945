"""Memory cgroup of a job (version 2), where systemd has handed one down to the scheduler.

A unit with `Delegate=memory` and `DelegateSubgroup=supervisor` puts the scheduler into a group of its own, below one
that it may divide: there each job gets a group with a limit.  (systemd.resource-control(5), "Delegation".)
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SUBGROUP = "supervisor"
CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobCgroup:
    """The group of one job."""

    path: Path

    def n_kills(self) -> int:
        """How many of its processes the kernel killed for want of memory."""
        with suppress(OSError, ValueError):
            events = dict(line.split() for line in (self.path / "memory.events").read_text().splitlines())
            return int(events.get("oom_kill", 0))
        return 0


@contextmanager
def job_cgroup(pid: int, memory_bytes: int | None) -> Iterator[JobCgroup | None]:
    """A group with that limit for the process and all that it starts; None where none is handed down."""
    cgroup = _made(pid, memory_bytes) if memory_bytes is not None else None
    try:
        yield cgroup
    finally:
        if cgroup is not None:
            with suppress(OSError):  # a process of it still ends; the empty group goes with the unit
                (cgroup.path / "cgroup.kill").write_text("1")
            with suppress(OSError):
                cgroup.path.rmdir()


def _made(pid: int, memory_bytes: int) -> JobCgroup | None:
    above = _delegated()
    if above is None:
        return None
    path = above / f"job-{pid}"
    try:
        (above / "cgroup.subtree_control").write_text("+memory")
        path.mkdir()
        (path / "memory.max").write_text(str(memory_bytes))
        (path / "memory.oom.group").write_text("1")
        (path / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        log.warning("no_job_cgroup", extra={"error": str(error)})
        return None
    return JobCgroup(path)


def _delegated() -> Path | None:
    """The group that was handed down: the one above ours, if ours bears the name of the unit's subgroup."""
    with suppress(OSError):
        for line in OWN.read_text().splitlines():
            if line.startswith("0::") and line.endswith(f"/{SUBGROUP}"):
                return (CGROUPS / line.removeprefix("0::/")).parent
    return None

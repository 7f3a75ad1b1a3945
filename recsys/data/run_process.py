"""Process of a run: its name, and whether a run without an end has died with it."""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from recsys.data.runs import LEASE_MS, RunRecord

DIED = "its process ended without a word: it was killed, memory ran out, or the machine went down"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_STARTED_FIELD = 19  # of /proc/PID/stat, after the name: when it started, in ticks since the machine did


def process_name(pid: int | None = None) -> str:
    """The machine with the namespace of its processes, the process, and when that started: "MACHINE PID START"."""
    pid = os.getpid() if pid is None else pid
    return f"{_machine()} {pid} {_started(pid)}"


def is_dead(run: RunRecord, *, now_ms: int) -> bool:
    """Whether a run without an end will never have one.

    Its process is gone, which only its own machine knows; elsewhere, it gave no sign of life for LEASE_MS.
    """
    if run.verdict != "running":
        return False
    machine, pid, started = (*run.process.split(" "), "", "")[:3]
    if started and machine == _machine():
        return _started(int(pid)) != started
    return now_ms - run.alive_ms > LEASE_MS


def with_deaths(runs: Iterable[RunRecord], *, now_ms: int) -> list[RunRecord]:
    """The same runs; one whose process died has ended at its last sign of life, with the verdict "died"."""
    return [_as_dead(run) if is_dead(run, now_ms=now_ms) else run for run in runs]


def _as_dead(run: RunRecord) -> RunRecord:
    seconds = (run.alive_ms - run.started_ms) / 1_000
    return replace(run, verdict="died", ended_ms=run.alive_ms, reasons=(DIED,), wall_s=seconds)


def _machine() -> str:
    boot_id = namespace = ""
    with suppress(OSError):
        boot_id, namespace = _BOOT_ID.read_text("ascii").strip(), str(_NAMESPACE.readlink())
    return f"{socket.gethostname()}/{boot_id}/{namespace}".replace(" ", "_")


def _started(pid: int) -> str:
    """Empty for a process that is gone, for a zombie, and where the system does not say."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(") ")[2].split()
        return "" if fields[0] in "ZX" else fields[_STARTED_FIELD]
    return ""

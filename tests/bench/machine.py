"""What the machine is, how busy others keep it, and what a process takes of it."""

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

QUIET = 0.15


def described() -> dict[str, object]:
    """Date, kind of CPU, cores, memory and Python."""
    cpu = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    memory_kib = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpu": cpu.partition(":")[2].strip() or cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_kib / 2**20, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load": _lines("/proc/loadavg")[0],
    }


def busy(seconds: float = 0.5) -> float:
    """Share of all cores in use during that time, in [0, 1]; nothing of ours should run meanwhile."""
    idle, total = _ticks()
    time.sleep(seconds)
    idle_now, total_now = _ticks()
    return 1 - (idle_now - idle) / max(1, total_now - total)


def quiet(patience_s: float) -> float:
    """Waits for a quiet moment, at most that long; how busy it was in the end."""
    deadline = time.monotonic() + patience_s
    while (found := busy(1.0)) > QUIET and time.monotonic() < deadline:
        pass
    return found


def private_mib(pid: int) -> float:
    """Memory of that process that it shares with nobody."""
    rows = (line.split() for line in _lines(f"/proc/{pid}/smaps_rollup"))
    return sum(int(row[1]) for row in rows if row[0].startswith("Private_")) / 1024


def cpu_seconds(pid: int) -> float:
    """Time that process has spent on a core, in all its threads: its CPU clock, see clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def children(pid: int) -> list[int]:
    """Processes that one started, from whichever of its threads."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for children in lists for word in children.read_text().split()]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _ticks() -> tuple[int, int]:
    """Idle ticks (waiting for disks included) and all ticks of all cores since the start."""
    fields = [int(word) for word in _lines("/proc/stat")[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()

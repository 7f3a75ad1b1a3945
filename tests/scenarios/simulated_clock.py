"""A clock that stands where a test puts it, for a process and for the jobs that it starts.

As a program it runs one command of `recsys` by such a clock, and hurts it when it writes the file that it names:
`python -m tests.scenarios.simulated_clock '{"wall_ms": …, "uptime_ms": …, "fault": "kill", "file": "LIVE"}' WORDS`.
"""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from errno import ENOSPC
from types import SimpleNamespace
from typing import Literal

import pytest

import recsys.clock
import recsys.time_units

Fault = Literal["kill", "hog", "full"]
HOG_BYTES = 2**30


@dataclass
class SimulatedClock:
    """wall_ms: what the machine says.  uptime_ms: the time since it started, which no correction moves."""

    wall_ms: int
    uptime_ms: int = 0

    def now_ms(self) -> int:
        return self.wall_ms

    def sleep(self, seconds: float) -> None:
        passed_ms = max(1, round(seconds * 1_000))
        self.wall_ms += passed_ms
        self.uptime_ms += passed_ms

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """All that asks for the time of day in this process gets this one."""
        patch.setattr(recsys.time_units, "time", SimpleNamespace(time_ns=lambda: self.wall_ms * 1_000_000))
        patch.setattr(
            recsys.clock,
            "time",
            SimpleNamespace(clock_gettime_ns=lambda _clock: self.uptime_ms * 1_000_000),
        )

    def recsys(self, fault: Fault, file: str) -> tuple[str, ...]:
        """What stands for `recsys` in a process of its own, at this moment, hurt when it writes a file of that name."""
        moment = json.dumps({**asdict(self), "fault": fault, "file": file})
        return sys.executable, "-m", "tests.scenarios.simulated_clock", moment


def hurt(fault: Fault, path: str) -> None:
    """No room, an end without a word, or memory without end."""
    if fault == "full":
        raise OSError(ENOSPC, os.strerror(ENOSPC), path)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    memory = bytearray(HOG_BYTES)
    while memory:
        time.sleep(60)


def main() -> None:
    from recsys.cli.app import application

    moment = json.loads(sys.argv[1])
    fault, file = moment.pop("fault"), moment.pop("file")
    SimulatedClock(**moment).install(pytest.MonkeyPatch())

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        target = arguments[0] if is_written else arguments[1] if event == "os.rename" else ""
        if file in os.fsdecode(target if isinstance(target, str | bytes | os.PathLike) else ""):
            hurt(fault, str(target))

    sys.addaudithook(watch)
    application()(sys.argv[2:])


if __name__ == "__main__":
    main()

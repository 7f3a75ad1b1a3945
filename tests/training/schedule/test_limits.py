"""A job is ended at its limits, and leaves nothing behind."""

import itertools
import os
import select
import sys
from contextlib import suppress
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest

from training.schedule.limits import MIB, JobLimits, free_bytes, memory_bytes, run_limited

NONE = JobLimits(None, None, 0.0)
LISTENS = (
    "import pathlib, sys, time, signal; signal.signal(signal.SIGTERM, {0}); pathlib.Path({1!r}).touch(); time.sleep(60)"
)
OBEDIENT, STUBBORN = "lambda *_: sys.exit(7)", "signal.SIG_IGN"
GREEDY = "import time; kept = bytearray(80 * 2**20); time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GREEDY!r}])"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def never() -> bool:
    return False


def test_a_job_within_its_limits_ends_with_its_own_code() -> None:
    end = run_limited(python("import sys; sys.exit(3)"), JobLimits(60.0, 2**30, 1.0), never)
    assert (end.code, end.ending) == (3, "exit")


@pytest.mark.parametrize("code", [GREEDY, PARENT], ids=["itself", "its child"])
def test_a_job_that_needs_too_much_memory_is_killed(code: str) -> None:
    end = run_limited(python(code), JobLimits(60.0, 60 * MIB, 60.0), never)
    assert end.ending == "memory"
    assert end.code < 0
    assert end.peak_mib > 60
    assert end.seconds < 30


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A clock that stands still until the job has made this file, and then goes on by a minute at each look."""
    listens, minutes = tmp_path / "listens", itertools.count(1)
    now = SimpleNamespace(monotonic=lambda: 60.0 * next(minutes) if listens.exists() else 0.0)
    monkeypatch.setattr("training.schedule.limits.time", now)
    return listens


def test_a_job_that_takes_too_long_is_told_and_may_end_by_itself(clock: Path) -> None:
    command = python(LISTENS.format(OBEDIENT, str(clock)))
    end = run_limited(command, JobLimits(30.0, None, inf), never)
    assert (end.code, end.ending) == (7, "time")


def test_a_job_that_does_not_listen_is_killed_after_the_grace_time(clock: Path) -> None:
    command = python(LISTENS.format(STUBBORN, str(clock)))
    end = run_limited(command, JobLimits(30.0, None, 90.0), never)
    assert (end.code, end.ending) == (-9, "time")


def test_a_job_is_told_when_the_scheduler_stops(tmp_path: Path) -> None:
    listens = tmp_path / "listens"
    end = run_limited(python(LISTENS.format(OBEDIENT, str(listens))), JobLimits(None, None, 60.0), listens.exists)
    assert (end.code, end.ending) == (7, "stopped")


def test_nothing_that_a_job_started_outlives_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))"
    )
    run_limited(python(code), NONE, never)
    with suppress(ProcessLookupError):  # it is gone
        ended = select.poll()  # unlike select() it takes the file descriptors of a process with many
        ended.register(os.pidfd_open(int(file.read_text())), select.POLLIN)
        assert ended.poll(20_000)


def test_the_kernel_kills_a_job_before_anything_else() -> None:
    code = "import sys; sys.exit(int(open('/proc/self/oom_score_adj').read()) // 100)"
    wait = "import time; time.sleep(0.2); "
    assert run_limited(python(wait + code), NONE, never).code == 9


def test_a_command_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(OSError, match="no-such-command"):
        run_limited(["/no-such-command"], NONE, never)


def test_memory_is_counted_by_session_and_a_part_of_the_free_memory_is_offered() -> None:
    assert memory_bytes(os.getsid(0)) > MIB
    assert memory_bytes(2**30) == 0
    free = free_bytes()
    assert free is not None
    assert free > MIB

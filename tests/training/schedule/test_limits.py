"""A job is ended at its limits, and leaves nothing behind."""

import itertools
import os
import select
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from training.schedule.limits import MIB, JobLimits, free_bytes, memory_bytes, run_limited

NONE = JobLimits(None, None, 0.0)
OBEDIENT = "import sys, time, signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); time.sleep(60)"
STUBBORN = "import time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
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


def test_a_job_that_takes_too_long_is_told_and_may_end_by_itself() -> None:
    calls = itertools.count()
    end = run_limited(python(OBEDIENT), JobLimits(1.0, None, 60.0), lambda: next(calls) < 0)
    assert (end.code, end.ending) == (7, "time")


def test_a_job_that_does_not_listen_is_killed_after_the_grace_time() -> None:
    end = run_limited(python(STUBBORN), JobLimits(1.0, None, 0.1), never)
    assert (end.code, end.ending) == (-9, "time")


def test_a_job_is_told_when_the_scheduler_stops() -> None:
    calls = itertools.count()
    end = run_limited(python(OBEDIENT), JobLimits(None, None, 60.0), lambda: next(calls) >= 5)
    assert end.ending == "stopped"
    assert end.code in (7, -15)  # -15: it was told before it listened


def test_nothing_that_a_job_started_outlives_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))"
    )
    run_limited(python(code), NONE, never)
    with suppress(ProcessLookupError):  # it is gone
        assert select.select([os.pidfd_open(int(file.read_text()))], [], [], 20)[0]


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

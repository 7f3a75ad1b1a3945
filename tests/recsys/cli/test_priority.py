"""Process priority of a job: it only ever falls."""

import os
import subprocess
import sys

import pytest

PRIORITIES = """
import os
from recsys.cli.priority import lower_priority
for niceness in (0, 17, 5):
    lower_priority(niceness)
    print(os.getpriority(os.PRIO_PROCESS, 0))
"""


POLICY = """
import os
from recsys.cli.priority import lower_priority
for niceness in (18, 19):
    lower_priority(niceness)
    print(os.sched_getscheduler(0))
"""


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system knows no idle time of processes")
def test_the_nicest_takes_only_time_that_nobody_else_wants() -> None:
    output = subprocess.run([sys.executable, "-c", POLICY], capture_output=True, text=True, check=True).stdout
    assert [int(line) for line in output.split()] == [os.SCHED_OTHER, os.SCHED_IDLE]


def test_it_is_as_nice_as_asked_and_never_takes_back() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    output = subprocess.run([sys.executable, "-c", PRIORITIES], capture_output=True, text=True, check=True).stdout
    assert [int(line) for line in output.split()] == [max(before, 0), max(before, 17), max(before, 17)]

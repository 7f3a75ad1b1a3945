"""A training gives way to who serves on the same machine."""

import os
import subprocess
import sys

PRIORITIES = """
import os
from training.releases import give_way
for niceness in (0, 17, 5):
    give_way(niceness)
    print(os.getpriority(os.PRIO_PROCESS, 0))
"""


def test_it_is_as_nice_as_asked_and_never_takes_back() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    told = subprocess.run([sys.executable, "-c", PRIORITIES], capture_output=True, text=True, check=True).stdout
    assert [int(line) for line in told.split()] == [max(before, 0), max(before, 17), max(before, 17)]

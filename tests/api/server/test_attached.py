"""Worker attached to its parent: started anew when it ends, and gone with it."""

import os
import signal
import sys
import time
from pathlib import Path

from api.server.attached import PARENT_VARIABLE, kept_running

PROGRAM = f"""
import os, sys
open(sys.argv[1], "a").write(f"{{os.getpid()}}\\n")
os.read(int(os.environ["{PARENT_VARIABLE}"]), 1)
open(sys.argv[1], "a").write("parent gone\\n")
"""


def test_a_worker_that_was_killed_is_started_anew_and_told_of_the_end(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.touch()
    with kept_running([sys.executable, "-S", "-c", PROGRAM, str(file)], os.environ, pause_s=0.01):
        os.kill(int(_line(file, 0)), signal.SIGKILL)
        second = _line(file, 1)
    assert file.read_text().splitlines()[1:] == [second, "parent gone"]


def _line(file: Path, n: int) -> str:
    while len(lines := file.read_text().split("\n")) < n + 2:
        time.sleep(0.005)
    return lines[n]

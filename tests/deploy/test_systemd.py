"""Units of systemd: what they may do is bounded, and what they need is left to them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
MOST_EXPOSED = 2.0  # of 10; `systemd-analyze` calls up to 2 "OK"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_exposed_to_little(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", printed)
    assert level is not None, printed
    assert float(level[1]) <= MOST_EXPOSED


def test_the_scheduler_may_divide_its_control_group_and_write_backups() -> None:
    text = (SYSTEMD / "recsys-schedule.service").read_text()
    assert "ProtectControlGroups" not in text
    assert "ReadWritePaths=-/mnt/backups\n" in text


def test_a_unit_without_new_executable_memory_keeps_polars_from_making_some() -> None:
    for unit in UNITS:
        text = unit.read_text()
        assert "MemoryDenyWriteExecute=yes" in text
        assert "POLARS_SKIP_CPU_CHECK=1" in text or "/recsys " not in text


@pytest.mark.slow  # a process of its own that loads polars
def test_polars_works_without_new_executable_memory() -> None:
    code = (
        "import ctypes; print(ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)); import polars; print(polars.Series([1]).sum())"
    )
    env = {"POLARS_SKIP_CPU_CHECK": "1", "POLARS_MAX_THREADS": "1"}
    denied, total = subprocess.check_output([sys.executable, "-c", code], text=True, env=env).split()
    if denied != "0":
        pytest.skip("this kernel is older than 6.3 and cannot deny it")
    assert total == "1"

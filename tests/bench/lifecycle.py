"""A shop's home from raw files to a live bundle, with the time and memory each command takes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import polars as pl

from tests.bench.servers import plain_env, recsys
from training.demo import IMPORTS, SETTINGS, data_file

STARTING_S = 5.0  # until a training has loaded its libraries and reads


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command, from start to end, the most memory it held, and seconds of a core that it took."""

    seconds: float
    peak_gib: float
    cpu_s: float = 0.0


def lines_of_events() -> int:
    """Lines in the file of real events."""
    return int(pl.scan_parquet(data_file(IMPORTS["events"][0])).select(pl.len()).collect().item())


def imported(home: Path) -> Cost:
    """Imports the real shop into an empty home; the cost is that of the events."""
    home.mkdir(parents=True)
    (home / "recsys.toml").write_text(SETTINGS)
    costs = {
        what: run(home, "import", what, str(data_file(name)), *options) for what, (name, options) in IMPORTS.items()
    }
    return costs["events"]


def copied(source: Path, home: Path) -> None:
    """The live bundle and the log of a home, taken while others may write to it."""
    home.mkdir(parents=True)
    shutil.copytree(source / "bundles", home / "bundles")
    shutil.copy(source / "recsys.toml", home / "recsys.toml")
    here, there = apsw.Connection(str(source / "shop.db")), apsw.Connection(str(home / "shop.db"))
    with there.backup("main", here, "main") as backup:
        backup.step(-1)
    here.close()
    there.close()


@contextmanager
def training(home: Path) -> Iterator[None]:
    """`recsys train` at work on that home meanwhile; it is ended when the caller is done."""
    process = subprocess.Popen(recsys(home, "train"), env=plain_env(), stdout=subprocess.DEVNULL)
    try:
        time.sleep(STARTING_S)
        if process.poll() is not None:
            raise SystemExit(f"recsys train ended at once: {process.returncode}")
        yield
    finally:
        process.terminate()
        process.wait()


def run(home: Path, *words: str) -> Cost:
    """Runs `recsys` and waits for it.  Ends the benchmark when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(recsys(home, *words), env=plain_env(), stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"recsys {' '.join(words[:2])} failed: {process.returncode}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - started, usage.ru_maxrss / 2**20, cpu_s)

"""The same data, settings and seed make the same arrays, byte by byte; what differs stands in the manifest alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.bundle import Manifest, open_bundle
from tests.resilience.full_release import full_release_made_once

ROOT = Path(__file__).parents[2]
MAY_DIFFER = {"made_at_ms", "steps", "index"}  # times, and how long each step took


def trained_elsewhere(directory: Path, hash_seed: str, threads: str) -> Manifest:
    """The same release by another process, with other orders of sets and another number of threads."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), threads)
    env = {**os.environ, **limits, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-m", "tests.resilience.full_release", str(directory)], env=env, check=True)
    return open_bundle(directory).manifest


@pytest.fixture(scope="module")
def trained_here(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return open_bundle(full_release_made_once(tmp_path_factory)).manifest


def check_same(here: Manifest, there: Manifest) -> None:
    assert [name for name in here.files if here.files[name] != there.files.get(name)] == []
    assert here.files.keys() == there.files.keys()
    assert here.model_dump(exclude=MAY_DIFFER) == there.model_dump(exclude=MAY_DIFFER)


def test_another_process_with_other_threads_learns_the_same(trained_here: Manifest, tmp_path: Path) -> None:
    check_same(trained_here, trained_elsewhere(tmp_path / "there", "77", "4"))


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1", "12345"])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_no_order_of_sets_and_no_number_of_threads_changes_an_array(
    trained_here: Manifest, hash_seed: str, threads: str, tmp_path: Path
) -> None:
    check_same(trained_here, trained_elsewhere(tmp_path / "there", hash_seed, threads))

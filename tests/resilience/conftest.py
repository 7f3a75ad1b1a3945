"""Homes that may be written to."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def home_copy(trained_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_home, tmp_path / "home"))

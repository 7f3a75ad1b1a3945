"""Homes that may be written to."""

from pathlib import Path

import pytest

from tests.homes import copy_home


@pytest.fixture
def home_copy(trained_home: Path, tmp_path: Path) -> Path:
    return copy_home(trained_home, tmp_path / "home")

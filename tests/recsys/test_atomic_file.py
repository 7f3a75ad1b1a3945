"""A file is replaced whole or not at all, and a lock makes writers take turns."""

import fcntl
from pathlib import Path

import pytest

from recsys.atomic_file import file_lock, replace_file

LIVE = "LIVE"


def test_a_replaced_file_is_readable_by_all_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    replace_file(tmp_path / LIVE, b"one")
    replace_file(tmp_path / LIVE, b"two")
    assert [path.name for path in tmp_path.iterdir()] == [LIVE]
    assert (tmp_path / LIVE).read_bytes() == b"two"
    assert (tmp_path / LIVE).stat().st_mode & 0o777 == 0o644


def test_a_replacement_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    (tmp_path / LIVE).mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / LIVE, b"one")
    assert [path.name for path in tmp_path.iterdir()] == [LIVE]


def test_a_held_lock_keeps_other_writers_out_until_it_is_released(tmp_path: Path) -> None:
    file = tmp_path / "folder" / ".lock"
    with file_lock(file), file.open("a") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with file.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

"""Versioned files: what holds for rules holds for segments."""

from pathlib import Path

import pytest

from recsys.errors import BadSegments, SegmentsChanged, UnknownVersion
from recsys.ranking.segments.repository import open_segment_repository

ONE = '[[segments]]\nname = "one"\nwhere = { stage = "new" }\n'


def test_segments_are_stored_whole_or_refused_and_every_version_is_kept(tmp_path: Path) -> None:
    repository = open_segment_repository(tmp_path, None)
    assert not repository.read().segments
    repository.replace(ONE)
    with pytest.raises(BadSegments):
        repository.replace(ONE.replace('"new"', '"nwe"'))
    assert repository.text() == ONE
    with pytest.raises(SegmentsChanged, match="the segments are"):
        repository.replace("", expected="somebody else's")
    repository.replace("")
    assert [version.number for version in repository.versions()] == [1, 2]
    assert repository.version_text(1) == ONE
    with pytest.raises(UnknownVersion, match="no version 3 of the segments"):
        repository.version_text(3)


def test_while_the_file_is_invalid_the_newest_valid_version_holds(tmp_path: Path) -> None:
    repository = open_segment_repository(tmp_path, None)
    repository.replace(ONE)
    repository.file.write_text("no TOML")
    assert repository.names() == {"one"}

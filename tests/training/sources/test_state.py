"""The state of a source survives a crash, and forgets what a restored log has lost."""

from pathlib import Path

import pytest

from recsys.data.lineage import Lineage, LogIdentity, Watermark
from training.sources import state as module
from training.sources.state import SourceState


def lineage(seq: int) -> Lineage:
    return Lineage((LogIdentity("log", 0, 0, 0, "made", ""),), Watermark("log", seq, 0))


def test_marks_are_read_again_without_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "state.jsonl"
    SourceState(file, lambda: lineage(1)).save("a", "1")
    with file.open("ab") as lines:
        lines.write(b'["b","2","lo')
    state = SourceState(file, lambda: lineage(1))
    state.save("c", "3")
    assert SourceState(file, lambda: lineage(1)).marks == {"a": "1", "c": "3"}


def test_marks_above_the_head_of_the_log_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "state.jsonl"
    SourceState(file, lambda: lineage(5)).save("watermark", "5")
    SourceState(file, lambda: lineage(9)).save("watermark", "9")
    assert SourceState(file, lambda: lineage(7)).marks == {"watermark": "5"}
    assert SourceState(file, lambda: lineage(9)).marks == {"watermark": "9"}


def test_the_file_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_LINES", 2)
    file = tmp_path / "state.jsonl"
    SourceState(file, lambda: lineage(1)).save("first", "1")
    for n in range(20):
        SourceState(file, lambda: lineage(1)).save("watermark", str(n))
    assert len(file.read_bytes().splitlines()) <= 9
    assert SourceState(file, lambda: lineage(1)).marks == {"first": "1", "watermark": "19"}

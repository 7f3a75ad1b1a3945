"""Whoever waits for a file sees how far it is read: bytes of the file, and lines."""

from pathlib import Path

import polars as pl
import pytest

from recsys.cli.file_progress import TextProgress, file_progress
from recsys.data.files.formats.file_table import BrokenRow, Chunk


def chunk(n: int, position: int) -> Chunk:
    return Chunk(pl.DataFrame({"a": range(n)}), list(range(n)), [BrokenRow(n, "", "")], position=position)


def test_lines_of_text_come_soon_and_then_ever_more_rarely(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(b" " * 3_000_000)
    shown, now = list[str](), [0.0]
    add = TextProgress(shown.append, every_s=10.0, clock=lambda: now[0]).file(file)
    for now[0], position in ((1.0, 1), (2.0, 1_000_000), (5.0, 2), (6.0, 2_000_000), (13.0, 3), (14.0, 3_000_000)):
        add(chunk(999, position))
    assert [text.partition(":")[2] for text in shown] == [
        " 1.0 of 3.0 MB, 2,000 lines",
        " 2.0 of 3.0 MB, 4,000 lines",
        " 3.0 of 3.0 MB, 6,000 lines",
    ]


def test_a_bar_on_a_terminal_shows_bytes_and_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b" " * 2_000)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with file_progress() as progress:
        progress.file(file)(chunk(1_233, 2_000))
    shown = capsys.readouterr().err
    assert "a.csv" in shown
    assert "2.0/2.0" in shown
    assert "1,234 lines" in shown


def test_a_short_file_prints_nothing_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b" ")
    with file_progress() as progress:
        progress.file(file)(chunk(1, 1))
    assert capsys.readouterr().err == ""

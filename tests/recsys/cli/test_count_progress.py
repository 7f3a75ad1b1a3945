"""Progress of counted work: lines for a pipe, at most one in ten seconds."""

import pytest

from recsys.cli.count_progress import count_progress, text_progress


def test_a_line_is_shown_at_most_every_ten_seconds() -> None:
    shown: list[str] = []
    times = iter([0.0, 3.0, 11.0, 11.0, 12.0, 25.0, 25.0])
    add = text_progress("customers", shown.append, lambda: next(times))
    add(500, 4_000)
    add(1_500, 4_000)
    add(2_000, 4_000)
    add(3_000, 0)
    assert shown == ["1,500 of 4,000 customers", "3,000 customers"]


def test_without_a_terminal_progress_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    with count_progress("customers") as add:
        add(1, 2)
    assert capsys.readouterr().out == ""

"""Days are written for every number: one beyond the calendar as its end."""

import pytest

from recsys.time_units import date


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (0, "1970-01-01"),
        (17_505.9, "2017-12-05"),
        (-719_190, "0001-01-01"),
        (-719_162, "0001-01-01"),
        (3e6, "9999-12-31"),
    ],
)
def test_a_day_is_written_however_far_away(day: float, text: str) -> None:
    assert date(day) == text

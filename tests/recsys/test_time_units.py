"""Days are written for every number: one beyond the calendar as its end."""

import pytest

from recsys.time_units import DAY_MS, date, minute, second


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
    at_ms = round(day * DAY_MS)
    assert minute(at_ms)[:10] == second(at_ms)[:10] == text


def test_a_moment_is_written_to_the_minute_and_the_second() -> None:
    assert (minute(90_061_999), second(90_061_999)) == ("1970-01-02 01:01", "1970-01-02 01:01:01 UTC")

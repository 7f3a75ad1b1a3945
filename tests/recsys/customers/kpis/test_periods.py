"""Days, weeks and months in UTC, and a limit to how many of them a report holds."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from recsys.customers.kpis.periods import MAX_PERIODS, latest_periods, period_at, periods_between, previous_period
from recsys.errors import BadInput
from recsys.time_units import DAY_MS, date, milliseconds


def ms(text: str) -> int:
    return milliseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("by", "start", "end"),
    [
        ("day", "2017-12-31", "2018-01-01"),
        ("week", "2017-12-25", "2018-01-01"),
        ("month", "2017-12-01", "2018-01-01"),
    ],
)
def test_the_last_moment_of_a_year_is_in_its_last_day_week_and_month(by: str, start: str, end: str) -> None:
    assert period_at(ms("2018-01-01") - 1, by) == (ms(start), ms(end))  # type: ignore[arg-type]


def test_periods_follow_each_other_without_a_gap() -> None:
    months = periods_between(ms("2016-11-15"), ms("2017-03-01"), "month")
    assert [month.start_ms for month in months] == [ms(f"{m}-01") for m in ("2016-11", "2016-12", "2017-01", "2017-02")]
    assert all(before == previous_period(month, "month") for before, month in pairwise(months))
    assert latest_periods(ms("2017-03-01"), 4, "month") == months


def test_too_many_periods_and_none_are_refused() -> None:
    assert len(periods_between(0, MAX_PERIODS * DAY_MS, "day")) == MAX_PERIODS
    with pytest.raises(BadInput, match="more than 400 periods"):
        periods_between(0, MAX_PERIODS * DAY_MS + 1, "day")
    with pytest.raises(BadInput, match="from should be before to"):
        periods_between(5, 5, "day")


def test_the_calendar_ends_with_its_last_month_and_begins_with_its_first() -> None:
    last, first = (period_at(milliseconds(datetime(year, 6, 30, tzinfo=UTC)), "month") for year in (9999, 1))
    assert date(period_at(last.end_ms + 200 * DAY_MS, "month").start_ms / DAY_MS) == "9999-12-01"
    assert len(latest_periods(first.start_ms, 12, "month")) == 12

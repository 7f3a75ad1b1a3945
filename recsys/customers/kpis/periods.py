"""Periods of a report: days, weeks from Monday, or calendar months, in UTC."""

from datetime import MAXYEAR, UTC, datetime
from typing import Literal, NamedTuple, get_args

from recsys.errors import BadInput
from recsys.time_units import DAY_MS, calendar_moment, milliseconds

PeriodUnit = Literal["day", "week", "month"]
UNITS: tuple[PeriodUnit, ...] = get_args(PeriodUnit)
MAX_PERIODS = 400
_MONDAY = 4  # 1970-01-05, in days


class Period(NamedTuple):
    """From a moment to another, that one excluded, in Unix ms."""

    start_ms: int
    end_ms: int


def period_at(at_ms: int, by: PeriodUnit) -> Period:
    """The day, week or month that holds the moment."""
    day = at_ms // DAY_MS
    if by == "month":
        moment = calendar_moment(at_ms)
        return Period(_month_ms(moment.year, moment.month), _month_ms(moment.year, moment.month + 1))
    first, length = (day, 1) if by == "day" else (day - (day - _MONDAY) % 7, 7)
    return Period(first * DAY_MS, (first + length) * DAY_MS)


def previous_period(period: Period, by: PeriodUnit) -> Period:
    """The one before."""
    return period_at(period.start_ms - 1, by)


def periods_between(since_ms: int, until_ms: int, by: PeriodUnit) -> list[Period]:
    """Every whole period that holds a moment of [since, until), in order.  Raises BadInput for too many, or none."""
    if since_ms >= until_ms:
        raise BadInput("from should be before to")
    periods = [period_at(since_ms, by)]
    while periods[-1].end_ms < until_ms:
        if len(periods) == MAX_PERIODS:
            raise BadInput(f"more than {MAX_PERIODS} periods from {by} to {by}; ask for a shorter time, or by month")
        periods.append(period_at(periods[-1].end_ms, by))
    return periods


def latest_periods(until_ms: int, n: int, by: PeriodUnit) -> list[Period]:
    """The n periods up to the one that holds the last moment before that, in order."""
    periods = [period_at(until_ms - 1, by)]
    while len(periods) < n:
        periods.append(previous_period(periods[-1], by))
    return periods[::-1]


def _month_ms(year: int, month: int) -> int:
    if (year, month) > (MAXYEAR, 12):
        return milliseconds(datetime.max.replace(tzinfo=UTC))
    return milliseconds(datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC))

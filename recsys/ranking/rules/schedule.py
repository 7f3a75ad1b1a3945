"""Rule schedule: a period, days of the week and hours of the day at which a rule is active, in a time zone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Final

from pydantic import Strict

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
# As TOML and JSON write it.  Strict: a number would be seconds since 1970.
Moment = Annotated[date, Strict()] | Annotated[datetime, Strict()] | str


@dataclass(frozen=True, slots=True)
class RuleTimes:
    """from_ms <= now < until_ms, None is open.  days: of the week, 0 is Monday; empty is every day.

    hours: start and end in minutes of the day, empty is the whole day; where the start comes after the end, the hours
    go over midnight, and the time after midnight belongs to the day before.
    """

    from_ms: int | None = None
    until_ms: int | None = None
    days: frozenset[int] = frozenset()
    hours: tuple[tuple[int, int], ...] = ()
    zone: tzinfo = UTC

    def hold_at(self, now_ms: int) -> bool:
        """Whether the rule is active at that moment; summer time is followed."""
        if self.from_ms is not None and now_ms < self.from_ms:
            return False
        if self.until_ms is not None and now_ms >= self.until_ms:
            return False
        if not self.days and not self.hours:
            return True
        here = datetime.fromtimestamp(now_ms / 1_000, self.zone)
        minute, day = here.hour * 60 + here.minute, here.weekday()
        return any(self._is_within(start, end, minute, day) for start, end in self.hours or ((0, DAY_MINUTES),))

    def _is_within(self, start: int, end: int, minute: int, day: int) -> bool:
        if start < end:
            return start <= minute < end and self._is_on(day)
        return (minute >= start and self._is_on(day)) or (minute < end and self._is_on((day - 1) % 7))

    def _is_on(self, day: int) -> bool:
        return not self.days or day in self.days


ALWAYS: Final = RuleTimes()


def to_unix_ms(moment: str | date | datetime, zone: tzinfo, *, is_end: bool) -> int:
    """Unix milliseconds, in whole seconds.  A day without a time means its start, or with is_end its end.

    Raises ValueError.
    """
    when = _parse_date(moment) if isinstance(moment, str) else moment
    try:
        if not isinstance(when, datetime):
            when = datetime.combine(when + timedelta(days=is_end), time(), zone)
        if when.tzinfo is None:
            when = when.replace(tzinfo=zone)
        return int(when.timestamp()) * 1_000
    except OverflowError:
        raise ValueError(f"{moment} is no date that a clock reaches; leave it out where there is no end") from None


def parse_hours(spans: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Minutes of the day from `17:00-20:00`; `22:00-02:00` goes over midnight.  Raises ValueError."""
    return tuple(map(_parse_span, spans))


def _parse_date(text: str) -> date | datetime:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"no date: {text!r}; use 2026-05-01 or 2026-05-01T17:00:00") from None


def _parse_span(text: str) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"no hours: {text!r}; use such as 17:00-20:00")
    first, last = _parse_minute(start.strip(), text), _parse_minute(end.strip(), text)
    if first in (last, DAY_MINUTES):
        raise ValueError(f"no hours: {text!r} begins where it ends; use such as 17:00-20:00")
    return first, last


def _parse_minute(clock: str, text: str) -> int:
    hour, colon, minute = clock.partition(":")
    if colon and hour.isdecimal() and minute.isdecimal() and len(minute) == 2:
        at = int(hour) * 60 + int(minute)
        if int(minute) < 60 and at <= DAY_MINUTES:
            return at
    raise ValueError(f"no hours: {text!r}; use such as 17:00-20:00")

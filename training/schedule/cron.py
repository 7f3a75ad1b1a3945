"""Cron times in a time zone: when a job is due, across changes of the clock.

A time of the day stands for the first moment at which the clock on the wall shows it or has passed it.  So a job at
02:30 runs once on every day: at 03:00 where the clock jumps over it, at the first of two where it comes twice.  A job
of every hour goes by elapsed time instead: it neither pauses nor doubles when the clock changes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b

from croniter import croniter

from recsys.time_units import HOUR_MS, time_zone

FIELDS = 5
NICKNAMES = {"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}
_RANDOM = re.compile(r"(?<![a-z])[rh](?![a-z])", re.IGNORECASE)  # words of croniter for times drawn at random
_HOUR = 1  # the field
_FIRST_LOOK_MS = HOUR_MS
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CronTimes:
    """The times of a cron text in a time zone, as Unix ms.  Made by `parse_cron`."""

    text: str
    zone: tzinfo
    is_hourly: bool

    def next_after(self, at_ms: int) -> int:
        """The first time after that moment."""
        moment = datetime.fromtimestamp(at_ms // 1_000, UTC)
        return _ms(self._next_elapsed(moment) if self.is_hourly else self._next_on_the_wall(moment))

    def latest(self, after_ms: int, until_ms: int) -> int | None:
        """The last time in (after, until]; None if there is none."""
        look_ms = _FIRST_LOOK_MS
        while True:
            since_ms = max(after_ms, until_ms - look_ms)
            times = list(self.times(since_ms, until_ms))
            if times or since_ms == after_ms:
                return times[-1] if times else None
            look_ms *= 4

    def times(self, after_ms: int, until_ms: int) -> Iterator[int]:
        """Every time in (after, until], in order."""
        while (after_ms := self.next_after(after_ms)) <= until_ms:
            yield after_ms

    def jitter_ms(self, at_ms: int, seed: str, most_s: float) -> int:
        """A delay for that time, the same for the same seed; less than half of the way to the next time."""
        share = int.from_bytes(blake2b(f"{seed} {self.text} {at_ms}".encode(), digest_size=4).digest()) / 2**32
        return int(share * min(most_s * 1_000, (self.next_after(at_ms) - at_ms) / 2))

    def _next_on_the_wall(self, moment: datetime) -> datetime:
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        while True:
            wall = self._after(wall)
            if (due := self._first_moment(wall)) > moment:
                return due

    def _first_moment(self, wall: datetime) -> datetime:
        """The first moment at which the clock shows `wall` or more."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        return first if first <= second else self._change(second, first)

    def _next_elapsed(self, moment: datetime) -> datetime:
        offset = self._offset(moment)
        while True:
            due = self._after((moment + offset).replace(tzinfo=None)).replace(tzinfo=UTC) - offset
            if self._offset(due) == offset:
                return due
            change = self._change(moment, due)
            moment, offset = change - _SECOND, self._offset(change)

    def _change(self, before: datetime, after: datetime) -> datetime:
        """The first second of (before, after] whose offset is not that of `before`."""
        offset = self._offset(before)
        while (way := (after - before) // 2 // _SECOND * _SECOND) >= _SECOND:
            middle = before + way
            before, after = (middle, after) if self._offset(middle) == offset else (before, middle)
        return after

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self.zone).utcoffset() or timedelta()

    def _after(self, wall: datetime) -> datetime:
        """The first time of the text after `wall`, on a clock that never changes."""
        due: datetime = croniter(self.text, wall).get_next(datetime)
        return due


def parse_cron(text: str, timezone: str) -> CronTimes:
    """Raises ValueError for a text that is no cron text of five fields, or that no day fulfils."""
    words = text.split()
    if (len(words) != FIELDS and text not in NICKNAMES) or (text not in NICKNAMES and _RANDOM.search(text)):
        raise ValueError(f"{text!r} is no cron text; use minute, hour, day, month, weekday, as in '30 3 * * *'")
    zone = time_zone(timezone)
    try:
        expanded = croniter(text, datetime(2026, 1, 1)).expanded
        croniter(text, datetime(2026, 1, 1)).get_next(datetime)
    except ValueError as error:
        raise ValueError(f"cron text {text!r}: {error}; use minute, hour, day, month, weekday") from None
    return CronTimes(" ".join(words), zone, is_hourly=expanded[_HOUR] == ["*"])


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)

"""Time units in milliseconds.  Events carry Unix milliseconds; models count in days."""

import time
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
_FIRST_S, _LAST_S = -719_162 * 86_400.0, 2_932_897 * 86_400.0 - 1


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def date(day: float) -> str:
    """A day since 1970 as 2017-12-05 (UTC); see `calendar_moment`."""
    return calendar_moment(day * DAY_MS).date().isoformat()


def calendar_moment(at_ms: float) -> datetime:
    """The moment (UTC); one outside the years 1 to 9999 as the nearest of them."""
    return datetime.fromtimestamp(min(max(at_ms / 1_000, _FIRST_S), _LAST_S), UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970; a moment without an offset is UTC."""
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def minute(at_ms: int) -> str:
    """A moment as 2017-12-05 14:30 (UTC)."""
    return f"{calendar_moment(at_ms).isoformat(' '):.16}"


def second(at_ms: int) -> str:
    """A moment as 2017-12-05 14:30:59 UTC."""
    return f"{calendar_moment(at_ms).isoformat(' '):.19} UTC"


def time_zone(name: str) -> tzinfo:
    """The time zone of that name, such as `Europe/Berlin`.  Raises ValueError."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise ValueError(f"no time zone {name!r}; use a name such as Europe/Berlin or UTC") from None

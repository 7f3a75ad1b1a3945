"""Time units in milliseconds.  Events carry Unix milliseconds; models count in days."""

from datetime import UTC, datetime

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def date(day: float) -> str:
    """A day since 1970 as 2017-12-05 (UTC)."""
    return f"{datetime.fromtimestamp(day * DAY_MS / 1_000, UTC):%Y-%m-%d}"

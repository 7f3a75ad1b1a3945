"""Time units in milliseconds.  Events carry Unix milliseconds; models count in days."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

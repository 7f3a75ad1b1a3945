"""Clock check: what deletes by age asks first whether the clock of the machine can be trusted.

The home keeps what the clock said last, and the time since the machine started, which no correction of a clock moves.
A clock that ran ahead of both is in doubt until it has gone on evenly for some hours.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from recsys.atomic_file import replace_file
from recsys.time_units import DAY_MS, HOUR_MS, now_ms

CLOCK_FILE = "run/clock.json"
MAX_JUMP_MS = DAY_MS  # against the time since the start of the machine
MAX_PAUSE_MS = 2 * DAY_MS  # between two starts of the machine
CONFIRMED_AFTER_MS = 6 * HOUR_MS
MAX_CONFIRMATION_MS = 31 * DAY_MS  # by a run after another start of the machine
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the first counts while the machine sleeps, too

log = logging.getLogger(__name__)


class ClockReading(NamedTuple):
    """Unix ms by the clock, ms since the start of the machine, and an id of that start, empty where it has none."""

    wall_ms: int
    uptime_ms: int
    boot_id: str


def read_clock() -> ClockReading:
    boot_id = ""
    with suppress(OSError):
        boot_id = _BOOT_ID.read_text("ascii").strip()
    return ClockReading(now_ms(), time.clock_gettime_ns(_UPTIME) // 1_000_000, boot_id)


def deletion_time(home: Path, now: ClockReading | None = None) -> int | None:
    """Unix ms by which something in the home is old enough to be deleted; None while the clock is in doubt.

    It is in doubt at the first call, and when it went ahead by a day more than time passed.
    """
    now = read_clock() if now is None else now
    file = home / CLOCK_FILE
    trusted, doubted = _load(file)
    is_trusted = trusted is not None and not _is_ahead(trusted, now)
    if is_trusted or (doubted is not None and _is_confirmed(doubted, now)):
        _save(file, now, None)
        return now.wall_ms
    if doubted is None or not _goes_on(doubted, now):
        _save(file, trusted, now)
        level = logging.INFO if trusted is None else logging.WARNING  # a new home has no reading to compare with
        log.log(level, "clock_in_doubt", extra={"now_ms": now.wall_ms, "last_ms": trusted and trusted.wall_ms})
    return None


def _is_ahead(last: ClockReading, now: ClockReading) -> bool:
    passed_ms = now.wall_ms - last.wall_ms
    if now.boot_id != last.boot_id:
        return passed_ms > MAX_PAUSE_MS
    return passed_ms - (now.uptime_ms - last.uptime_ms) > MAX_JUMP_MS


def _goes_on(doubted: ClockReading, now: ClockReading) -> bool:
    """Whether the clock went on evenly since."""
    passed_ms = now.wall_ms - doubted.wall_ms
    if now.boot_id != doubted.boot_id:
        return 0 <= passed_ms <= MAX_CONFIRMATION_MS
    return abs(passed_ms - (now.uptime_ms - doubted.uptime_ms)) <= HOUR_MS


def _is_confirmed(doubted: ClockReading, now: ClockReading) -> bool:
    return _goes_on(doubted, now) and now.wall_ms - doubted.wall_ms >= CONFIRMED_AFTER_MS


def _load(file: Path) -> tuple[ClockReading | None, ClockReading | None]:
    try:
        trusted, doubted = orjson.loads(file.read_bytes())
        return trusted and ClockReading(*trusted), doubted and ClockReading(*doubted)
    except (OSError, ValueError, TypeError):  # none yet, or damaged
        return None, None


def _save(file: Path, trusted: ClockReading | None, doubted: ClockReading | None) -> None:
    with suppress(OSError):  # on a full disk the next call asks again
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, orjson.dumps([reading and [*reading] for reading in (trusted, doubted)]))

"""A clock is trusted to delete by age while it goes on evenly, and not after a jump ahead until that is confirmed."""

from pathlib import Path

import pytest

from recsys.clock import CLOCK_FILE, ClockReading, deletion_time, read_clock
from recsys.time_units import DAY_MS, HOUR_MS

START = ClockReading(1_790_000_000_000, 5 * HOUR_MS, "first")


def later(reading: ClockReading, hours: float, *, ahead_days: float = 0, boot_id: str = "first") -> ClockReading:
    """A reading so many hours after START's, of a clock that is ahead by so many days."""
    passed = round(hours * HOUR_MS)
    return ClockReading(reading.wall_ms + passed + round(ahead_days * DAY_MS), reading.uptime_ms + passed, boot_id)


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """A home whose clock is trusted at START."""
    assert deletion_time(tmp_path, later(START, -6)) is None
    assert deletion_time(tmp_path, START) == START.wall_ms
    return tmp_path


def test_a_new_home_deletes_nothing_until_the_clock_went_on_for_hours(tmp_path: Path) -> None:
    assert deletion_time(tmp_path, START) is None
    assert deletion_time(tmp_path, later(START, 5.9)) is None
    assert deletion_time(tmp_path, later(START, 6)) == START.wall_ms + 6 * HOUR_MS


def test_a_clock_that_is_370_days_ahead_for_some_seconds_deletes_nothing(trusted: Path) -> None:
    assert deletion_time(trusted, later(START, 0.01, ahead_days=370)) is None
    assert deletion_time(trusted, later(START, 0.02, ahead_days=380)) is None, "a second jump confirms nothing"
    assert deletion_time(trusted, later(START, 0.03)) == later(START, 0.03).wall_ms
    assert deletion_time(trusted, later(START, 7, ahead_days=370)) is None, "the first jump is no witness any more"


def test_a_clock_that_stays_ahead_evenly_is_confirmed_after_hours(trusted: Path) -> None:
    assert deletion_time(trusted, later(START, 1, ahead_days=370)) is None
    assert deletion_time(trusted, later(START, 6, ahead_days=370)) is None
    confirmed = later(START, 7, ahead_days=370)
    assert deletion_time(trusted, confirmed) == confirmed.wall_ms


def test_weeks_between_two_runs_are_no_jump_while_the_machine_runs_or_sleeps(trusted: Path) -> None:
    weeks = later(START, 24 * 40)
    assert deletion_time(trusted, weeks) == weeks.wall_ms


def test_after_a_start_of_the_machine_two_days_are_trusted_and_more_are_confirmed_by_a_later_run(trusted: Path) -> None:
    next_day = later(START, 30, boot_id="second")
    assert deletion_time(trusted, next_day) == next_day.wall_ms
    assert deletion_time(trusted, later(START, 30 * 24, boot_id="third")) is None
    assert deletion_time(trusted, later(START, 30 * 24 + 3, boot_id="fourth")) is None
    again = later(START, 37 * 24, boot_id="fifth")
    assert deletion_time(trusted, again) == again.wall_ms


def test_a_clock_that_goes_back_deletes_less_and_is_trusted(trusted: Path) -> None:
    back = later(START, 1, ahead_days=-400)
    assert deletion_time(trusted, back) == back.wall_ms
    assert deletion_time(trusted, later(START, 2)) is None, "forward again by 400 days is a jump"


def test_a_damaged_file_is_as_none(trusted: Path) -> None:
    (trusted / CLOCK_FILE).write_bytes(b"[1")
    assert deletion_time(trusted, later(START, 1)) is None


def test_the_clock_of_this_machine_is_read(tmp_path: Path) -> None:
    first, second = read_clock(), read_clock()
    assert second.boot_id == first.boot_id
    assert 0 <= second.uptime_ms - first.uptime_ms < HOUR_MS
    assert deletion_time(tmp_path) is None

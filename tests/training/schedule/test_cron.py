"""Cron times: every day has its runs, however the clock of its zone changes."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recsys.time_units import DAY_MS, HOUR_MS, MINUTE_MS
from training.schedule.cron import parse_cron

YEAR_MS = 366 * DAY_MS
ZONES = sorted(name for name in available_timezones() if not name.startswith(("posix", "right", "localtime")))


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def shown(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%d %H:%M}"


def due(cron: str, zone: str, after: str, until: str) -> list[str]:
    return [shown(at) for at in parse_cron(cron, zone).times(ms(after), ms(until))]


@pytest.mark.parametrize(
    ("zone", "day", "times"),
    [
        ("Europe/Berlin", "2026-03-29", ["2026-03-29 01:00"]),  # 02:30 is not on the clock, which jumps to 03:00
        ("Europe/Berlin", "2026-10-25", ["2026-10-25 00:30"]),  # 02:30 comes twice
        ("America/New_York", "2026-03-08", ["2026-03-08 07:00"]),
        ("America/New_York", "2026-11-01", ["2026-11-01 07:30"]),  # 01:30 comes twice, 02:30 does not
        ("Australia/Lord_Howe", "2026-10-04", ["2026-10-03 15:30"]),  # half an hour, from 02:00 to 02:30
        ("UTC", "2026-03-29", ["2026-03-29 02:30"]),
    ],
)
def test_a_job_at_half_past_two_runs_once_on_a_day_when_the_clock_changes(
    zone: str, day: str, times: list[str]
) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    next_midnight = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert due("30 2 * * *", zone, f"{midnight:%Y-%m-%d %H:%M}", f"{next_midnight:%Y-%m-%d %H:%M}") == times


def test_a_job_at_half_past_one_runs_once_in_the_night_when_new_york_has_that_hour_twice() -> None:
    assert due("30 1 * * *", "America/New_York", "2026-11-01 04:00", "2026-11-02 05:00") == ["2026-11-01 05:30"]


@given(
    zone=st.sampled_from(ZONES),
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    start=st.integers(ms("2024-01-01 00:00") // HOUR_MS, ms("2030-01-01 00:00") // HOUR_MS).map(lambda h: h * HOUR_MS),
)
@example("America/Nuuk", 0, 23, ms("2024-01-01 00:00"))  # one Saturday ends at 23:00: that run is at Sunday's midnight
def test_a_daily_job_runs_once_on_every_date_of_its_zone(zone: str, minute: int, hour: int, start: int) -> None:
    times = list(parse_cron(f"{minute} {hour} * * *", zone).times(start, start + YEAR_MS))

    def dates(at_ms: int) -> set[date]:
        """The date of that moment, and of the one before: a clock may jump over the end of a date."""
        return {datetime.fromtimestamp(moment / 1_000, ZoneInfo(zone)).date() for moment in (at_ms - 1, at_ms)}

    runs = [[first + timedelta(days=n) in dates(at) for n, at in enumerate(times)] for first in dates(times[0])]
    assert any(map(all, runs))
    assert len(times) in (365, 366, 367)


@given(
    zone=st.sampled_from(ZONES),
    step=st.sampled_from([5, 10, 15, 20, 30]),
    start=st.integers(ms("2026-01-01 00:00") // MINUTE_MS, ms("2027-01-01 00:00") // MINUTE_MS),
)
def test_a_job_of_every_hour_never_pauses_or_doubles(zone: str, step: int, start: int) -> None:
    """No zone has changed its clock by a part of five minutes in these years."""
    times = list(parse_cron(f"*/{step} * * * *", zone).times(start * MINUTE_MS, start * MINUTE_MS + DAY_MS))
    assert {after - before for before, after in pairwise(times)} == {step * MINUTE_MS}


@pytest.mark.parametrize("change", ["2026-03-29 00:30", "2026-10-25 00:30", "2026-10-25 01:30"])
def test_a_job_of_every_ten_minutes_goes_on_evenly_while_the_clock_changes(change: str) -> None:
    times = list(parse_cron("*/10 * * * *", "Europe/Berlin").times(ms(change), ms(change) + 2 * HOUR_MS))
    assert times == [ms(change) + n * 10 * MINUTE_MS for n in range(1, 13)]


@given(
    zone=st.sampled_from(ZONES),
    cron=st.sampled_from(["30 2 * * *", "30 1 * * *", "*/10 * * * *", "15 */2 * * *"]),
    at=st.integers(ms("2026-01-01 00:00"), ms("2027-01-01 00:00")),
)
@example(zone="Europe/Berlin", cron="30 2 * * *", at=ms("2026-10-25 01:10"))  # 02:10 for the second time
@example(zone="Europe/Berlin", cron="30 2 * * *", at=ms("2026-03-29 01:00"))
def test_the_next_time_is_always_later(zone: str, cron: str, at: int) -> None:
    assert at < parse_cron(cron, zone).next_after(at) <= at + 25 * HOUR_MS + HOUR_MS


@given(
    cron=st.sampled_from(["30 2 * * *", "*/10 * * * *", "0 0 1 * *", "15 4 * * SUN", "0 12 29 2 *", "0,30 2 * * *"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    after=st.integers(ms("2026-01-01 00:00"), ms("2027-01-01 00:00")),
    hours=st.integers(0, 60),
)
def test_the_latest_time_is_the_last_of_all(cron: str, zone: str, after: int, hours: int) -> None:
    times = parse_cron(cron, zone)
    every = list(times.times(after, after + hours * HOUR_MS))
    assert times.latest(after, after + hours * HOUR_MS) == (every[-1] if every else None)
    assert every == sorted(set(every))


def test_the_latest_time_of_years_is_soon_known() -> None:
    until = ms("2036-01-01 00:00")
    assert parse_cron("*/5 * * * *", "UTC").latest(0, until + 1) == until
    assert parse_cron("0 0 29 2 *", "UTC").latest(0, until) == ms("2032-02-29 00:00")
    assert parse_cron("0 0 29 2 *", "UTC").latest(ms("2032-02-29 00:00"), until) is None


@given(st.integers(0, ms("2040-01-01 00:00")), st.text(max_size=5), st.floats(0, 1e6))
def test_jitter_is_the_same_again_and_ends_before_the_next_time(at: int, seed: str, most_s: float) -> None:
    times = parse_cron("*/10 * * * *", "UTC")
    delay = times.jitter_ms(at, seed, most_s)
    assert delay == times.jitter_ms(at, seed, most_s)
    assert 0 <= delay <= min(most_s * 1_000, (times.next_after(at) - at) / 2)


def test_jitter_differs_between_machines_and_days() -> None:
    times = parse_cron("@daily", "UTC")
    delays = {times.jitter_ms(day * DAY_MS, seed, 600) for day in range(5) for seed in ("a", "b")}
    assert len(delays) == 10


@pytest.mark.parametrize(
    "text", ["", "x", "30 3 * *", "* * * * * *", "0 25 * * *", "R * * * *", "H 2 * * *", "@reboot", "0 0 30 2 *"]
)
def test_a_text_that_is_no_cron_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="minute, hour, day, month, weekday"):
        parse_cron(text, "UTC")


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Europe/Berlin"):
        parse_cron("30 3 * * *", "Europe/Bärlin")

"""Timestamps of files are read to the millisecond."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.files.timestamps import REPEATED, SKIPPED, TimeReading, parse_timestamps, read_times
from recsys.time_units import milliseconds

NOON = 1_483_272_000_000  # 2017-01-01T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "20170101120000",
        "201701011200",
        "2017-01-01T12:00:00Z",
        "2017-01-01 12:00:00",
        " 2017-01-01T12:00:00.000000000 ",
        "2017-01-01T12:00",
        "2017-01-01T14:00:00+02:00",
        "2017-01-01 07:00:00-0500",
        "20170101T120000Z",
        "1483272000",
        "1483272000.0",
        "1483272000000",
        "1483272000000000",
    ],
)
def test_every_common_format_of_a_timestamp_is_read(text: str) -> None:
    assert parse_timestamps(pl.Series([text])).to_list() == [NOON]


@pytest.mark.parametrize("text", ["", "yesterday", "2017-13-01", "2017-02-30 10:00:00", "12:00", "nan", "inf"])
def test_a_text_that_is_no_timestamp_is_null(text: str) -> None:
    assert parse_timestamps(pl.Series([text])).to_list() == [None]


def test_formats_may_change_from_line_to_line() -> None:
    mixed = pl.Series(["2017-01-01", None, "1483272000", "never", "2017-01-01T12:00:00.25Z"])
    assert parse_timestamps(mixed).to_list() == [NOON - 43_200_000, None, NOON, None, NOON + 250]


def test_nanoseconds_lose_no_digit_of_their_milliseconds() -> None:
    assert parse_timestamps(pl.Series([NOON * 1_000_000 + 123_456_789])).to_list() == [NOON + 123]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([datetime(2017, 1, 1, 12)], dtype=pl.Datetime("ns")),
        pl.Series([datetime(2017, 1, 1, 12, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo"),
        pl.Series([float(NOON)]),
        pl.Series([NOON // 1_000], dtype=pl.Int32),
    ],
)
def test_typed_columns_are_read_as_what_they_are(values: pl.Series) -> None:
    assert parse_timestamps(values).to_list() == [NOON]


def test_a_date_is_its_midnight_and_a_boolean_is_no_timestamp() -> None:
    assert parse_timestamps(pl.Series([date(2017, 1, 1)])).to_list() == [NOON - 43_200_000]
    assert parse_timestamps(pl.Series([True])).to_list() == [None]
    assert parse_timestamps(pl.Series([timedelta(days=1)])).to_list() == [None]


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_what_python_writes_is_read_to_the_millisecond(moment: datetime, zone: timezone) -> None:
    there = moment.replace(tzinfo=zone)
    expected = (there - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_timestamps(pl.Series([there.isoformat()])).to_list() == [expected]


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(["Australia/Sydney", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"]),
)
def test_what_a_clock_of_the_zone_shows_comes_back_as_the_same_moment(moment: datetime, zone: str) -> None:
    at = moment.replace(microsecond=0, tzinfo=UTC)
    shown = at.astimezone(ZoneInfo(zone))
    (read,) = read_times(pl.Series([f"{shown:%Y-%m-%d %H:%M:%S}"]), TimeReading(zone=zone)).to_list()
    first = at - timedelta(hours=1) if shown.fold else at
    assert read["ms"] == milliseconds(first)
    assert read["doubt"] in {REPEATED if shown.fold else None, REPEATED}


def test_hours_that_the_clock_left_out_or_showed_twice_are_read_and_named() -> None:
    words = ["2024-10-06 02:30:00", "2024-04-07 02:30:00", "2024-10-06 03:30:00", "2024-10-06T02:30:00Z", "1728145800"]
    read = read_times(pl.Series(words), TimeReading(zone="Australia/Sydney")).struct.unnest()
    assert read["doubt"].to_list() == [SKIPPED, REPEATED, None, None, None]
    assert [str(at) for at in read["ms"].cast(pl.Datetime("ms"))] == [
        "2024-10-05 16:30:00",
        "2024-04-06 15:30:00",
        "2024-10-05 16:30:00",
        "2024-10-06 02:30:00",
        "2024-10-05 16:30:00",
    ]


@pytest.mark.parametrize("day", [pl.Series(["2024-10-06"]), pl.Series([date(2024, 10, 6)]), pl.Series(["20241006"])])
def test_a_day_ends_with_the_last_millisecond_of_its_zone(day: pl.Series) -> None:
    (read,) = read_times(day, TimeReading(zone="Australia/Sydney"), ends_day=True).to_list()
    midnight = datetime(2024, 10, 7, tzinfo=ZoneInfo("Australia/Sydney"))  # the day had 23 hours
    assert read["ms"] == milliseconds(midnight) - 1


def test_a_time_ends_no_day() -> None:
    midnight = pl.Series(["2024-10-06 00:00", "2024-10-06T00:00:00Z"])
    assert parse_timestamps(midnight).to_list() == [
        row["ms"] for row in read_times(midnight, TimeReading(), ends_day=True).to_list()
    ]


def test_formats_that_are_given_count_before_numbers_and_before_what_can_be_guessed() -> None:
    words = ["03/02/2024", "1/31/2024 10:00 AM", "20240501", "31.01.24", "soon", None]
    read = parse_timestamps(pl.Series(words), TimeReading(("%m/%d/%Y", "%d.%m.%y", "%Y%d%m")))
    assert [None if at is None else str(date.fromtimestamp(at / 1_000)) for at in read.to_list()] == [
        "2024-03-02", "2024-01-31", "2024-01-05", "2024-01-31", None, None,
    ]  # fmt: skip

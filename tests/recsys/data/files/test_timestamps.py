"""Timestamps of files are read to the millisecond."""

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.files.timestamps import parse_timestamps

NOON = 1_483_272_000_000  # 2017-01-01T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
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


@pytest.mark.parametrize(
    "word",
    [
        "31.01.2024 10:00",
        "2024/01/31 10:00",
        "2024-01-31 10:00:00 UTC",
        "2024-01-31 11:00:00 +0100",
        "31.01.2024T10:00",
    ],
)
def test_ways_that_can_mean_one_time_only_are_read(word: str) -> None:
    assert parse_timestamps(pl.Series([word])).to_list() == [1_706_695_200_000]


def test_other_ways_are_read_as_the_formats_say() -> None:
    words = ["31/01/2024 10:00", "1/31/2024 10:00 AM", "2024-01-31T10:00:00Z", "soon", None]
    at = 1_706_695_200_000
    assert parse_timestamps(pl.Series(words)).to_list() == [None, None, at, None, None]
    formats = ("%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p")
    assert parse_timestamps(pl.Series(words), formats).to_list() == [at, at, at, None, None]

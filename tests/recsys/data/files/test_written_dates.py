"""Dates are read as shops write them, where they can mean one day only."""

from datetime import UTC, datetime

import polars as pl
import pytest

from recsys.data.files.column_mapping import DateOrder
from recsys.data.files.timestamps import AMBIGUOUS, TimeReading, parse_timestamps, read_times
from recsys.data.files.written_dates import date_orders

TEN = 1_706_695_200_000  # 2024-01-31T10:00Z


@pytest.mark.parametrize(
    "word",
    [
        "31.01.2024 10:00",
        "31.1.2024, 10:00:00",
        "31.01.2024T10:00",
        "2024/01/31 10:00",
        "2024.01.31 10:00",
        "31/01/2024 10:00",
        "31-01-2024 10:00",
        "1/31/2024 10:00",
        "1/31/2024 10:00 AM",
        "1/31/2024, 10:00:00\u202fAM",
        "31/01/2024 11:00 +01:00",
        "2024-01-31 10:00:00 UTC",
        "2024-01-31 10:00:00 GMT",
        "2024-01-31 11:00:00 +0100",
        "2024-01-31T10:00:00.000+0000",
        "Wed, 31 Jan 2024 10:00:00 GMT",
        "Wed, 31 Jan 2024 11:00:00 +0100",
        "Wed Jan 31 2024 11:00:00 GMT+0100 (Central European Standard Time)",
        "Jan 31, 2024 10:00 AM",
        "31 January 2024 10:00",
        "31-JAN-2024 10:00",
        "20240131T100000Z",
        "202401311000",
        "20240131100000",
        '="2024-01-31 10:00"',
    ],
)
def test_ways_that_can_mean_one_time_only_are_read(word: str) -> None:
    assert parse_timestamps(pl.Series([word])).to_list() == [TEN]


def test_months_of_other_languages_and_clocks_of_programs_are_read() -> None:
    words = [
        "31. Januar 2024 10:00 Uhr", "31 janvier 2024 à 10:00", "31 janv. 2024 10h00", "31 de enero de 2024 10:00",
        "31 gennaio 2024 10:00", "31-jan-2024 10:00", "31 Ocak 2024 10:00", "31 stycznia 2024 10:00",
        "2024年1月31日 10:00", "2024 01 31 10:00", "31.01.2024 10.00.00", "31-JAN-24 10.00.00.000000 AM",
        "31/Jan/2024:11:00:00 +0100", "2024-01-31T11:00:00+01:00[Europe/Berlin]", "/Date(1706695200000+0100)/",
        "31/01/2024 10:00 a.m.",
    ]  # fmt: skip
    assert dict.fromkeys(words, TEN) == dict(zip(words, parse_timestamps(pl.Series(words)), strict=True))
    assert parse_timestamps(pl.Series(["24-01-31", "31 brumaire 2024"])).to_list() == [None, None]


def test_formats_read_clocks_of_shops_and_day_numbers_of_spreadsheets() -> None:
    assert parse_timestamps(pl.Series(["03/02/2024 1:05 p.m."]), TimeReading(("%d/%m/%Y %I:%M %p",)))[0] == (
        1_706_965_500_000
    )
    days = pl.Series(["45322,41666666", "x"]), pl.Series([45322.41666666])
    assert [parse_timestamps(each, TimeReading(("excel",)))[0] for each in days] == [TEN, TEN]


@pytest.mark.parametrize("word", ["31.01.2024", "31/01/2024", "1/31/2024", "31 Jan 2024", "31-Jan-24", "20240131"])
def test_a_date_alone_is_its_midnight(word: str) -> None:
    assert parse_timestamps(pl.Series([word])).to_list() == [TEN - 36_000_000]


@pytest.mark.parametrize(
    "word", ["January 2024", "10 Jan", "31 Jan 2024 10:00 CET", "13/13/2024", "31.01.24", "30.02.2024", "31/01", "May"]
)
def test_a_date_that_lacks_a_part_or_names_an_uncertain_zone_is_not_read(word: str) -> None:
    assert read_times(pl.Series([word]), TimeReading()).to_list() == [{"ms": None, "doubt": None}]


def test_a_date_with_two_orders_is_not_read_and_named() -> None:
    read = read_times(pl.Series(["03/02/2024", "5/5/2024", "03-02-2024 10:00"]), TimeReading()).struct.unnest()
    assert read["doubt"].to_list() == [AMBIGUOUS, None, AMBIGUOUS]
    assert read["ms"].is_null().to_list() == [True, False, True]


@pytest.mark.parametrize(("order", "month"), [("day first", 2), ("month first", 3)])
def test_with_an_order_such_dates_are_read(order: DateOrder, month: int) -> None:
    expected = int(datetime(2024, month, 5 - month, tzinfo=UTC).timestamp()) * 1_000
    assert parse_timestamps(pl.Series(["03/02/2024"]), TimeReading(order=order)).to_list() == [expected]


def test_days_above_12_prove_the_order() -> None:
    assert date_orders(pl.Series(["03/02/2024", "31/01/2024", "2024-31-12", None])) == {"day first"}
    assert date_orders(pl.Series(["1/31/2024"])) == {"month first"}
    assert date_orders(pl.Series(["29-01-2021", "1/31/2024"])) == {"day first", "month first"}


def test_eight_digits_among_other_numbers_are_seconds() -> None:
    assert parse_timestamps(pl.Series(["20240131", "1706695200"])).to_list() == [20_240_131_000, TEN]

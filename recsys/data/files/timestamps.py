"""Timestamps of a column: typed, written as text, or numbers since 1970; local times in the shop's time zone."""

from dataclasses import dataclass
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, DateOrder, text_of
from recsys.data.files.written_dates import LOCAL, Moments, is_ambiguous, parse_digits, parse_words
from recsys.time_units import milliseconds

AMBIGUOUS, SKIPPED, REPEATED = "ambiguous", "skipped", "repeated"
HAS_TIME = r":|\d{9}|T\d"
ALMOST_A_DAY = timedelta(days=1) - timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TimeReading:
    """How the times of a column are read.

    formats: formats of strptime, tried first.  zone: the clock of times without an offset, such as Europe/Berlin.
    order: of day and month in 03/02/2024; None reads only dates that can mean one day, such as 31/01/2024.
    """

    formats: tuple[str, ...] = ()
    zone: str = "UTC"
    order: DateOrder | None = None


UTC_READING = TimeReading()


def time_reading(mapping: ColumnMapping, target: str | None = None) -> TimeReading:
    """How the times of a file are read by its options, and those of a target by the dates of its column."""
    order = mapping.date_order.get(target) if target else None
    return TimeReading(mapping.time_formats, mapping.time_zone, order)


def parse_timestamps(values: pl.Series, reading: TimeReading = UTC_READING) -> pl.Series:
    """Unix milliseconds UTC, null where a value is no timestamp.  (n,) of any type -> (n,) Int64.

    A number is in seconds up to 1e11, in milliseconds up to 1e14, above in microseconds up to 1e17, else in
    nanoseconds.  Where all numbers are dates such as 20240131 or 20240131100000, they are read as dates.
    """
    return read_times(values, reading).struct.field("ms").alias(values.name)


def read_times(values: pl.Series, reading: TimeReading, *, ends_day: bool = False) -> pl.Series:
    """The timestamps as `ms` (see `parse_timestamps`), and what is doubtful about each as `doubt`.  (n,) -> (n,)

    doubt: AMBIGUOUS, a date with two orders of day and month (its ms is null); SKIPPED, a time that the clock of the
    zone left out, read with the offset before it; REPEATED, a time that came twice, read as the first; else null.
    ends_day: a date without a time is the last millisecond of its day.
    """
    is_text = values.dtype == pl.String or values.dtype.is_integer() or (values.dtype.is_float() and reading.formats)
    text = text_of(values) if is_text else None
    instant, local = _typed_moments(values) if text is None else _moments(text, reading)
    if ends_day:
        is_day = local.dt.time() == time() if text is None else ~text.str.contains(HAS_TIME)
        is_day &= values.dtype == pl.Date or text is not None
        local = (local + ALMOST_A_DAY).zip_with(is_day.fill_null(False), local)
    ms, doubt = _to_utc(local, reading.zone)
    ms = instant.zip_with(instant.is_not_null(), ms)
    if text is not None and ms.null_count() > text.null_count():
        doubt = doubt.set(is_ambiguous(text) & ms.is_null(), AMBIGUOUS)
    return pl.DataFrame([ms.alias("ms"), doubt.alias("doubt")]).to_struct(values.name)


def _moments(text: pl.Series, reading: TimeReading) -> Moments:
    """Dates of text: formats that are given count before numbers."""
    nothing = Moments.nothing(len(text))
    if not text.str.contains(r"^[+-]?[\d.]+(?:[eE][+-]?\d+)?$").any():
        return parse_words(text, reading.formats, reading.order)
    numbers = parse_digits(text).or_else(nothing._replace(instant=_from_numbers(text)))
    if reading.formats:
        return parse_words(text, reading.formats, reading.order).or_else(numbers)
    left = text.set(numbers.is_read(), None)
    return numbers if left.null_count() == len(text) else numbers.or_else(parse_words(left, (), reading.order))


def _typed_moments(values: pl.Series) -> Moments:
    instant, local = Moments.nothing(len(values))
    if values.dtype.is_float():
        return Moments(_from_numbers(values), local)
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        return Moments(values.dt.epoch("ms"), local)
    return Moments(instant, values.cast(LOCAL) if values.dtype in (pl.Date, pl.Datetime) else local)


def _from_numbers(values: pl.Series) -> pl.Series:
    """To the nearest millisecond.  Whole numbers never become floats: nanoseconds would lose digits."""
    number, whole = pl.col("x").cast(pl.Float64, strict=False), pl.col("x").cast(pl.Int64, strict=False)
    scaled = (
        pl.when(number.abs() < 1e11)
        .then(_whole((number * 1_000).round()))
        .when(number.abs() < 1e14)
        .then(_whole(number.round()))
        .when(number.abs() < 1e17)
        .then(pl.coalesce(whole // 1_000, _whole(number // 1_000)))
        .otherwise(pl.coalesce(whole // 1_000_000, _whole(number // 1_000_000)))
    )
    return pl.DataFrame({"x": values}).select(scaled.alias(values.name)).to_series()


def _whole(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.Int64, strict=False)


def _to_utc(local: pl.Series, zone: str) -> tuple[pl.Series, pl.Series]:
    """Unix milliseconds of what a clock of the zone showed, and SKIPPED or REPEATED."""
    sure = pl.Series([None] * len(local), dtype=pl.String)
    if zone == "UTC":
        return local.cast(pl.Int64), sure
    first = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    only = local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    is_skipped = local.is_not_null() & first.is_null()
    doubt = sure.set(only.is_null() & first.is_not_null(), REPEATED).set(is_skipped, SKIPPED)
    if not is_skipped.any():
        return first.cast(pl.Int64), doubt
    clock = ZoneInfo(zone)
    skipped = {at: milliseconds(at.replace(tzinfo=clock)) for at in local.filter(is_skipped).unique().to_list()}
    return first.cast(pl.Int64).zip_with(
        ~is_skipped, pl.Series([skipped.get(at) for at in local], dtype=pl.Int64)
    ), doubt

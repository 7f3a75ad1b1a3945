"""Timestamps in files: dates, ISO 8601 text, and numbers since 1970."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import polars as pl

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
ZONE = re.compile(r" ?(UTC|GMT)$")
OFFSET = re.compile(r" ([+-]\d{2}:?\d{2})$")
DOTS = re.compile(r"^(\d{2})\.(\d{2})\.(\d{4})(?!\d)")
SLASHES = re.compile(r"^(\d{4})/(\d{2})/(\d{2})(?!\d)")
COMMON_FORMAT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?Z?$"


def parse_timestamps(values: pl.Series, formats: Sequence[str] = ()) -> pl.Series:
    """Unix milliseconds UTC, null where a value is no timestamp.  (n,) of any type -> (n,) Int64.

    A time without an offset is UTC.  A number is in seconds up to 1e11, in milliseconds up to 1e14, above in
    microseconds up to 1e17, else in nanoseconds.  The dates 31.01.2024 and 2024/01/31 are read, too.
    formats: formats of strptime for other orders of day and month, tried first.
    """
    kind = values.dtype
    if kind.is_temporal():
        return _from_dates(values)
    if kind.is_numeric():
        return _from_numbers(values)
    if kind != pl.String:
        return pl.Series(values.name, [None] * len(values), pl.Int64)
    text = values.str.strip_chars()
    if formats:
        ms_by_text = {word: _from_formats(word, formats) for word in text.drop_nulls().unique().to_list()}
        parsed = pl.Series(values.name, [ms_by_text.get(word) for word in text.to_list()], pl.Int64)
        return parsed.zip_with(parsed.is_not_null(), parse_timestamps(text))
    numbers = _from_numbers(text.cast(pl.Float64, strict=False))
    common = text.set(~text.str.contains(COMMON_FORMAT).fill_null(False), None)
    dates = common.str.strip_chars_end("Z").str.replace("T", " ", literal=True)
    parsed = numbers.zip_with(
        numbers.is_not_null(), _from_dates(dates.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False))
    )
    return parsed.zip_with(parsed.is_not_null() | text.is_null(), _from_other_formats(text, parsed))


def _from_dates(values: pl.Series) -> pl.Series:
    if values.dtype in (pl.Time, pl.Duration):
        return pl.Series(values.name, [None] * len(values), pl.Int64)
    aware = isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone
    instants = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if aware else values
    return instants.cast(pl.Datetime("ms")).cast(pl.Int64)


def _from_numbers(values: pl.Series) -> pl.Series:
    """To the nearest millisecond.  Integers never become floats: nanoseconds would lose digits."""
    x = pl.col("x")
    scaled = (
        pl.when(x.abs() < 1e11)
        .then((x * 1_000).round())
        .when(x.abs() < 1e14)
        .then(x.round())
        .when(x.abs() < 1e17)
        .then(x // 1_000)
        .otherwise(x // 1_000_000)
    )
    exact = values.cast(pl.Int64 if values.dtype.is_integer() else pl.Float64, strict=False)
    return pl.DataFrame({"x": exact}).select(scaled.cast(pl.Int64, strict=False).alias(values.name)).to_series()


def _from_other_formats(text: pl.Series, parsed: pl.Series) -> pl.Series:
    """Other ISO 8601 formats, value by value: offsets, no seconds, dates alone, weeks."""
    is_left = parsed.is_null() & text.is_not_null()
    if not is_left.any():
        return parsed
    ms_by_text = {word: _from_iso(word) for word in text.filter(is_left).unique().to_list()}
    return pl.Series(parsed.name, [ms_by_text.get(word) for word in text.to_list()], pl.Int64)


def _from_formats(word: str, formats: Sequence[str]) -> int | None:
    for time_format in formats:
        with suppress(ValueError):
            return _to_ms(datetime.strptime(word, time_format))
    return None


def _from_iso(word: str) -> int | None:
    """ISO 8601, also with a zone after a blank, as 31.01.2024, or as 2024/01/31."""
    plain = DOTS.sub(r"\3-\2-\1", SLASHES.sub(r"\1-\2-\3", ZONE.sub("Z", word)))
    try:
        return _to_ms(datetime.fromisoformat(OFFSET.sub(r"\1", plain)))
    except ValueError:
        return None


def _to_ms(at: datetime) -> int:
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND

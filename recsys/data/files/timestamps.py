"""Moments in time as files write them: dates, ISO 8601 text, and counts since 1970."""

from datetime import UTC, datetime, timedelta

import polars as pl

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
USUAL = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?Z?$"


def milliseconds(values: pl.Series) -> pl.Series:
    """Unix milliseconds UTC, null where there is no moment in it.  (n,) of any type -> (n,) Int64.

    Without an offset it is UTC.  A number counts seconds up to 1e11, milliseconds up to 1e14, then micro-, nanoseconds.
    """
    kind = values.dtype
    if kind.is_temporal():
        return _of_dates(values)
    if kind.is_numeric():
        return _of_numbers(values)
    if kind != pl.String:
        return pl.Series(values.name, [None] * len(values), pl.Int64)
    text = values.str.strip_chars()
    numbers = _of_numbers(text.cast(pl.Float64, strict=False))
    usual = text.set(~text.str.contains(USUAL).fill_null(False), None)
    dates = usual.str.strip_chars_end("Z").str.replace("T", " ", literal=True)
    read = numbers.zip_with(
        numbers.is_not_null(), _of_dates(dates.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False))
    )
    return read.zip_with(read.is_not_null() | text.is_null(), _of_unusual(text, read))


def _of_dates(values: pl.Series) -> pl.Series:
    if values.dtype in (pl.Time, pl.Duration):
        return pl.Series(values.name, [None] * len(values), pl.Int64)
    aware = isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone
    instants = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if aware else values
    return instants.cast(pl.Datetime("ms")).cast(pl.Int64)


def _of_numbers(values: pl.Series) -> pl.Series:
    """To the nearest millisecond.  Whole numbers never pass through a float: nanoseconds would lose digits."""
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


def _of_unusual(text: pl.Series, read: pl.Series) -> pl.Series:
    """The rest of ISO 8601, one by one: offsets, no seconds, dates alone, weeks."""
    left = read.is_null() & text.is_not_null()
    if not left.any():
        return read
    known = {word: _of_iso(word) for word in text.filter(left).unique().to_list()}
    return pl.Series(read.name, [known.get(word) for word in text.to_list()], pl.Int64)


def _of_iso(word: str) -> int | None:
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND

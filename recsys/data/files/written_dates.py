"""Dates in text: ISO 8601, RFC 2822, and the ways of shops, such as 31.01.2024, 1/31/2024 1:05 PM and 20240131."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, Self

import polars as pl
from dateutil import parser as words_parser

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LOCAL = pl.Datetime("ms")

DateOrder = Literal["day first", "month first"]

# Dates whose parts are in a known order, and how ISO 8601 orders them.
KNOWN_ORDERS = (
    (r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(\D|$)", "${3}-${2}-${1}${4}"),
    (r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(\D|$)", "${1}-${2}-${3}${4}"),
)
DAY_AND_MONTH = r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4})(\D|$)"
SEPARATOR = r"^(\d{4}-\d{1,2}-\d{1,2})[T ,]+(\d)"  # between date and time
UTC_SIGN = r"(?i)([\d ])(?:Z|UTC|GMT)$"
FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p")
FORMAT_BY_LENGTH = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
OFFSET = re.compile(r"(?<=[\d\w]) ?(?:GMT|UTC)? ?([+-]\d{2}:?\d{2})$")
MONTH = re.compile(r"(?i)(?<![a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
COMMENT = re.compile(r" *\([^()]*\)$")  # the name of a zone after its offset
DEFAULTS = datetime(2000, 1, 1), datetime(2001, 2, 2)  # parts that a text lacks differ between the two


class Moments(NamedTuple):
    """Times with an offset as Unix milliseconds; times without one as a local clock shows them; null elsewhere."""

    instant: pl.Series
    local: pl.Series

    @classmethod
    def of_values(cls, values: Sequence[datetime | None]) -> Self:
        """From times, of which those with an offset have a tzinfo."""
        instant = [_to_ms(at) if at is not None and at.tzinfo else None for at in values]
        local = [at if at is not None and at.tzinfo is None else None for at in values]
        return cls(pl.Series(instant, dtype=pl.Int64), pl.Series(local, dtype=LOCAL))

    def is_read(self) -> pl.Series:
        return self.instant.is_not_null() | self.local.is_not_null()

    def or_else(self, other: Self) -> Self:
        """The other moments where these have none."""
        is_read = self.is_read()
        return type(self)(self.instant.zip_with(is_read, other.instant), self.local.zip_with(is_read, other.local))


def parse_words(text: pl.Series, formats: Sequence[str], order: DateOrder | None) -> Moments:
    """The dates of a column that are no plain numbers.  (n,) String -> (n,)

    formats: of strptime, tried first.  order: of day and month in 03/02/2024; None reads only dates that can mean one
    day, such as 31/01/2024.
    """
    if (text.str.len_bytes() != text.str.len_chars()).any():
        text = text.str.replace_all(r"\s", " ")  # a browser writes a narrow blank before PM
    given = _each(text, lambda word: _from_formats(word, formats) if formats else None)
    plain = _in_iso_order(text, order)
    is_utc = plain.str.contains(UTC_SIGN).fill_null(False)
    clock = _from_common_formats(plain.str.replace(UTC_SIGN, "$1").str.strip_chars_end())
    common = Moments(clock.set(~is_utc, None).cast(pl.Int64), clock.set(is_utc, None))
    parsed = given.or_else(common)
    return parsed.or_else(_each(plain.set(parsed.is_read(), None), _from_word))


def parse_digits(text: pl.Series) -> pl.Series:
    """Local times of 20240131, 202401311000 and 20240131100000, null unless all values that are numbers are such."""
    is_number = text.str.contains(r"^[+-]?\d+(\.\d*)?$").fill_null(False)
    length = text.str.len_chars()
    local = pl.Series([None] * len(text), dtype=LOCAL)
    for n, time_format in FORMAT_BY_LENGTH.items():
        digits = text.set(~is_number | (length != n), None)
        if digits.null_count() < len(text):
            local = local.zip_with(
                local.is_not_null(), digits.str.to_datetime(time_format, time_unit="ms", strict=False)
            )
    is_date = (local.dt.year().is_between(1900, 2100) & is_number).fill_null(False)
    return local if is_date.sum() == is_number.sum() else pl.Series([None] * len(text), dtype=LOCAL)


def date_orders(text: pl.Series) -> set[DateOrder]:
    """The orders of day and month that dates like 31/01/2024 prove."""
    first, second = _day_and_month(text)
    orders: set[DateOrder] = {"day first"} if ((first > 12) & (second <= 12)).any() else set()
    return orders | ({"month first"} if ((second > 12) & (first <= 12)).any() else set())


def is_ambiguous(text: pl.Series) -> pl.Series:
    """Whether a date has two orders of day and month that differ, such as 03/02/2024."""
    first, second = _day_and_month(text)
    return ((first <= 12) & (second <= 12) & (first != second)).fill_null(False)


def _day_and_month(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    first, second = (text.str.extract(DAY_AND_MONTH, group).cast(pl.Int64) for group in (1, 2))
    return first, second


def _in_iso_order(text: pl.Series, order: DateOrder | None) -> pl.Series:
    """The text with year, month and day in this order, and one blank before the time."""
    for pattern, iso in KNOWN_ORDERS:
        text = text.str.replace(pattern, iso)
    if text.str.contains(DAY_AND_MONTH).any():
        first, second = _day_and_month(text)
        is_day_first = (first > 12) | ((second <= 12) & (order == "day first")) | (first == second)
        is_month_first = (second > 12) | ((first <= 12) & (order == "month first"))
        text = text.str.replace(DAY_AND_MONTH, "${3}-${2}-${1}${4}").zip_with(is_day_first.fill_null(False), text)
        text = text.str.replace(DAY_AND_MONTH, "${3}-${1}-${2}${4}").zip_with(is_month_first.fill_null(False), text)
    return text.str.replace(SEPARATOR, "${1} ${2}")


def _from_common_formats(text: pl.Series) -> pl.Series:
    local = pl.Series([None] * len(text), dtype=LOCAL)
    for time_format in FORMATS:
        left = text.set(local.is_not_null(), None)
        if left.null_count() < len(text):
            local = local.zip_with(local.is_not_null(), left.str.to_datetime(time_format, time_unit="ms", strict=False))
    return local


def _each(text: pl.Series, parse: Callable[[str], datetime | None]) -> Moments:
    """What `parse` makes of every different value."""
    moment_by_word = {word: parse(word) for word in text.drop_nulls().unique().to_list()}
    return Moments.of_values([moment_by_word.get(word) for word in text.to_list()])


def _from_formats(word: str, formats: Sequence[str]) -> datetime | None:
    for time_format in formats:
        with suppress(ValueError):
            return datetime.strptime(word, time_format)
    return None


def _from_word(word: str) -> datetime | None:
    """ISO 8601, also with an offset after a blank; dates with the English name of a month, as in RFC 2822."""
    plain = OFFSET.sub(r"\1", COMMENT.sub("", word))
    with suppress(ValueError):
        return datetime.fromisoformat(plain)
    if not MONTH.search(plain):
        return None
    try:
        parsed, again = (words_parser.parse(plain, default=default, tzinfos=_known_offset) for default in DEFAULTS)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed == again else None


def _known_offset(name: str | None, offset: int | None) -> int | None:
    if offset is None and name is not None:
        raise ValueError(f"{name}: the abbreviation of a zone is not certain")
    return offset


def _to_ms(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND

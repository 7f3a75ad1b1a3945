"""Dates in text: ISO 8601, RFC 2822, and the ways of shops, such as 31.01.2024, 1/31/2024 1:05 PM and 5. März 2026."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

import polars as pl
from dateutil import parser as words_parser

from recsys.data.files.column_mapping import DateOrder
from recsys.time_units import MINUTE_MS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LOCAL = pl.Datetime("ms")

# Dates whose parts are in a known order, and how ISO 8601 orders them.
KNOWN_ORDERS = (
    (r"^(\d{1,2})\.(\d{1,2})\.(\d{4})(\D|$)", "${3}-${2}-${1}${4}"),
    (r"^(\d{4})[/. ](\d{1,2})[/. ](\d{1,2})(\D|$)", "${1}-${2}-${3}${4}"),
    (r"^(\d{4})年(\d{1,2})月(\d{1,2})日", "${1}-${2}-${3}"),
)
CLOCKS = (  # times of the day as shops and programs write them, and how FORMATS hold them
    (r"(?i) ?uhr$", ""),
    (r"(?i)([ap])\. ?m\.?$", "${1}m"),
    (r"^(\S+[ ,]+\d{1,2})\.(\d{2})\.(\d{2})", "${1}:${2}:${3}"),  # 10.00.02
    (r"^(\d{1,2}/[A-Za-z]{3}/\d{4}):", "${1} "),  # of web servers
    (r"((?:Z|[+-]\d{2}:?\d{2}))\[[^\[\]]+\]$", "${1}"),  # of Java: +01:00[Europe/Berlin]
    (r"(\d)h(\d{2})$", "${1}:${2}"),
)
USUAL = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?Z?$"
DAY_AND_MONTH = r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4})(\D|$)"
SEPARATOR = r"^(\d{4}-\d{1,2}-\d{1,2})[T ,]+(\d)"  # between date and time
UTC_SIGN = r"(?i)([\d ])(?:Z|UTC|GMT)$"
OFFSET_AFTER_TIME = r"(:\d{2}(?:\.\d+)?(?: ?[AaPp][Mm])?) ?(?:GMT|UTC)? ?([+-])(\d{2}):?(\d{2})?$"
SHORT_YEAR = r"^\d{1,3}-\d{1,2}-\d{1,2}(\D|$)"  # 26-03-05 is no day of the year 26
WEEKDAY = r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? "
FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%d %I:%M:%S %p",
    "%Y-%m-%d %I:%M %p",
    "%d %b %Y %H:%M:%S",  # RFC 2822
)
FORMAT_BY_LENGTH = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
OFFSET = re.compile(r"(?<=[\d\w]) ?(?:GMT|UTC)? ?([+-]\d{2}:?\d{2})$")
MONTH = re.compile(r"(?i)(?<![a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
# German, French, Spanish, Italian, Portuguese, Dutch, Turkish and Polish; without accents.
MONTHS = {
    "jan": "januar janner janvier janv enero ene gennaio gen janeiro januari ocak stycznia",
    "feb": "februar feber fevrier fevr febrero febbraio fevereiro fev februari subat lutego",
    "mar": "marz mars marzo marco maart mrt mart marca",
    "apr": "april avril avr abril abr aprile nisan kwietnia",
    "may": "mai mayo maggio mag maio mei mayis maja",
    "jun": "juni juin junio giugno giu junho haziran czerwca",
    "jul": "juli juillet juil julio luglio lug julho temmuz lipca",
    "aug": "august aout agosto ago augustus agustos sierpnia",
    "sep": "september sept septembre septiembre settembre set setembro eylul wrzesnia",
    "oct": "oktober okt octobre octubre ottobre ott outubro out ekim pazdziernika",
    "nov": "november novembre noviembre novembro kasim listopada",
    "dec": "dezember dez decembre diciembre dic dicembre dezembro december aralik grudnia",
}
MONTH_BY_WORD = {word: month for month, words in MONTHS.items() for word in words.split()}
FILLERS = frozenset(("a", "de", "del", "um", "le"))  # 5 de marzo de 2026, 5 mars 2026 à 10:00
WORD = re.compile(r"[^\W\d_]+")
JSON_DATE = re.compile(r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$")  # of .NET, in milliseconds
SPREADSHEET = "excel"  # in place of a format: day numbers such as 46086.5
SPREADSHEET_EPOCH = datetime(1899, 12, 30)
COMMENT = re.compile(r" *\([^()]*\)$")  # the name of a zone after its offset
DEFAULTS = datetime(2000, 1, 1), datetime(2001, 2, 2)  # parts that a text lacks differ between the two


class Moments(NamedTuple):
    """Times with an offset as Unix milliseconds; times without one as a local clock shows them; null elsewhere."""

    instant: pl.Series
    local: pl.Series

    @classmethod
    def nothing(cls, n: int) -> Self:
        return cls(pl.Series([None] * n, dtype=pl.Int64), pl.Series([None] * n, dtype=LOCAL))

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
    if not formats and text.str.contains(USUAL).all():
        return _usual(text)
    if (text.str.len_bytes() != text.str.len_chars()).any():
        text = text.str.replace_all(r"\s", " ")  # a browser writes a narrow blank before PM
    parsed = _each(text, lambda word: _from_formats(word, formats)) if formats else Moments.nothing(len(text))
    plain = usual_clocks(text.set(parsed.is_read(), None))
    if formats:
        parsed = parsed.or_else(_each(plain, lambda word: _from_formats(word, formats)))
    plain = _in_iso_order(plain.set(parsed.is_read(), None), order)
    parsed = parsed.or_else(_from_common_formats(plain))
    is_left = plain.is_not_null() & ~parsed.is_read()
    return parsed.or_else(_each(plain.set(~is_left, None), _from_word)) if is_left.any() else parsed


def usual_clocks(text: pl.Series) -> pl.Series:
    """The text with times of the day as formats hold them: 1:05 p.m. becomes 1:05 pm, and 10.00.02 becomes 10:00:02."""
    for pattern, usual in CLOCKS:
        text = text.str.replace(pattern, usual)
    return text


def _usual(text: pl.Series) -> Moments:
    """Full times of ISO 8601 in UTC or local: most files hold nothing else, and are read in a third of the time."""
    is_utc = text.str.ends_with("Z")
    local = _read_as(text.str.strip_chars_end("Z").str.replace("T", " ", literal=True), FORMATS[0])
    return Moments(local.cast(pl.Int64).set(~is_utc, None), local.set(is_utc, None))


def parse_digits(text: pl.Series) -> Moments:
    """Local times of 20240131, 202401311000 and 20240131100000; nothing unless all values that are numbers are such."""
    nothing = Moments.nothing(len(text))
    numbers = text.set(~text.str.contains(r"^[+-]?\d+(\.\d*)?$").fill_null(False), None)
    length = numbers.str.len_chars()
    if not length.drop_nulls().is_in([*FORMAT_BY_LENGTH]).all():
        return nothing
    local = nothing.local
    for n in length.drop_nulls().unique().to_list():
        local = _either(local, _read_as(numbers.set(length != n, None), FORMAT_BY_LENGTH[n]))
    is_date = local.dt.year().is_between(1900, 2100).fill_null(False)
    return nothing._replace(local=local) if is_date.sum() == len(length.drop_nulls()) else nothing


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


def _from_common_formats(text: pl.Series) -> Moments:
    """Dates in one of FORMATS, each with an offset, with the sign of UTC, or local."""
    is_utc = text.str.contains(UTC_SIGN).fill_null(False)
    ahead_ms = _offset_ms(text)
    clock = text.str.replace(UTC_SIGN, "${1}").str.replace(OFFSET_AFTER_TIME, "${1}").str.replace(WEEKDAY, "")
    clock = clock.str.strip_chars()
    clock = clock.set(clock.str.contains(SHORT_YEAR).fill_null(False), None)
    local = Moments.nothing(len(text)).local
    for time_format in FORMATS:
        left = clock.set(local.is_not_null(), None)
        if left.null_count() < len(text):
            local = _either(local, _read_as(left, time_format))
    is_instant = is_utc | ahead_ms.is_not_null()
    instant = local.cast(pl.Int64) - ahead_ms.fill_null(0)
    return Moments(instant.set(~is_instant, None), local.set(is_instant, None))


def _offset_ms(text: pl.Series) -> pl.Series:
    """How far the clock is ahead of UTC, null without an offset."""
    if not text.str.contains(OFFSET_AFTER_TIME).any():
        return pl.Series([None] * len(text), dtype=pl.Int64)
    sign, hours, minutes = (text.str.extract(OFFSET_AFTER_TIME, group) for group in (2, 3, 4))
    ahead = hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64).fill_null(0)
    return ahead.zip_with(sign != "-", -ahead) * MINUTE_MS


def _read_as(text: pl.Series, time_format: str) -> pl.Series:
    return text.str.to_datetime(time_format, time_unit="ms", strict=False)


def _either(first: pl.Series, second: pl.Series) -> pl.Series:
    return first.zip_with(first.is_not_null(), second)


def _each(text: pl.Series, parse: Callable[[str], datetime | None]) -> Moments:
    """What `parse` makes of every different value."""
    moment_by_word = {word: parse(word) for word in text.drop_nulls().unique().to_list()}
    return Moments.of_values([moment_by_word.get(word) for word in text.to_list()])


def _from_formats(word: str, formats: Sequence[str]) -> datetime | None:
    for time_format in formats:
        with suppress(ValueError, OverflowError):
            return from_spreadsheet_day(word) if time_format == SPREADSHEET else datetime.strptime(word, time_format)
    return None


def from_spreadsheet_day(word: str) -> datetime:
    """The time of a day number since 1899-12-30, to the second.  Raises ValueError, OverflowError."""
    return SPREADSHEET_EPOCH + timedelta(seconds=round(float(word.replace(",", ".")) * 86_400))


def _from_word(word: str) -> datetime | None:
    """ISO 8601, also with an offset after a blank; dates with the name of a month, as in RFC 2822."""
    plain = OFFSET.sub(r"\1", COMMENT.sub("", word))
    with suppress(ValueError):
        return datetime.fromisoformat(plain)
    if json_date := JSON_DATE.match(plain):
        return EPOCH + int(json_date[1]) * MILLISECOND
    plain = WORD.sub(_english, plain)
    if not MONTH.search(plain):
        return None
    try:
        parsed, again = (words_parser.parse(plain, default=default, tzinfos=_known_offset) for default in DEFAULTS)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed == again else None


def _english(word: re.Match[str]) -> str:
    """The word, a month of another language in English; empty for a filler."""
    letters = unicodedata.normalize("NFKD", word[0].casefold()).replace("ı", "i")
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return "" if plain in FILLERS else MONTH_BY_WORD.get(plain, word[0])


def _known_offset(name: str | None, offset: int | None) -> int | None:
    if offset is None and name is not None:
        raise ValueError(f"{name}: the abbreviation of a zone is not certain")
    return offset


def _to_ms(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND

"""Guess of how values are written: decimal sign, formats of times, and whether they are numbers or times at all."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import product

import polars as pl

from recsys.data.checks.per_line import EARLIEST_MS
from recsys.data.files.numbers import WITH_COMMA, bare_numbers, parse_numbers
from recsys.data.files.timestamps import parse_timestamps
from recsys.data.files.written_dates import SPREADSHEET, from_spreadsheet_day, usual_clocks

LATEST_MS = 4_102_444_800_000  # 2100: what is later is no time of an event
MIN_SHARE = 0.8  # of the values: so many must be readable
# Formats that are not read without --time-format, because day and month, or the century, could be another.
DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%y-%m-%d",
    "%y/%m/%d", "%Y-%d-%m",
)  # fmt: skip
TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", ", %H:%M:%S", ", %H:%M", ", %I:%M:%S %p", ", %I:%M %p")
FORMATS = [f"{date}{time}" for date, time in product(DATES, TIMES)]
FIRST = {"%d": "day", "%m": "month", "%y": "year", "%Y": "year"}
MOST_TRIED = 500
SPREADSHEET_DAYS = (32_874, 73_051)  # 1990-01-01 and 2100-01-01
ONE_NUMBER = r"^[+-]?\d{1,3},\d{3}$"  # 1,299: a thousand and more, or one and a little
LOCAL = r"(^|[T ])\d{1,2}:\d\d(:\d\d)?(\.\d+)?( ?[AaPp]\.?[Mm]\.?)?$"  # and nothing of a zone
NEVER = r"^(0000|0001|9999)-|[./]9999$"


def are_numbers(text: pl.Series) -> bool:
    """Whether most values are numbers, with a decimal point or a decimal comma."""
    points, commas = (parse_numbers(text, decimal) for decimal in ".,")
    return _is_most(points.is_not_null() | commas.is_not_null(), text)


def are_times(text: pl.Series) -> bool:
    """Whether most values are times from 1990 to 2100."""
    text = usual_clocks(text)
    ms = parse_timestamps(text)
    unread = text.filter(ms.is_null() & text.is_not_null())
    tried = unread.head(MOST_TRIED).to_list()
    n_written = sum(any(_is_written(word, each) for each in FORMATS) for word in tried)
    share = n_written / max(1, len(tried))
    n_good = int(ms.is_between(EARLIEST_MS, LATEST_MS).sum() or 0) + share * len(unread)
    return n_good >= MIN_SHARE * max(1, text.count()) or are_spreadsheet_days(text)


def are_spreadsheet_days(text: pl.Series) -> bool:
    """Whether all values are day numbers of a spreadsheet from 1990 to 2100, such as 46086.5."""
    days = text.drop_nulls().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return bool(len(days)) and bool(days.is_between(*SPREADSHEET_DAYS).fill_null(False).all())


def guess_decimal(columns: Iterable[pl.Series]) -> tuple[str | None, str | None]:
    """The value for --decimal, None where no number has a comma; and a doubt about it."""
    bare = [bare_numbers(text) for text in columns]
    commas = [text.filter(text.str.contains(WITH_COMMA).fill_null(False)) for text in bare]
    text = pl.concat([pl.Series([], dtype=pl.String), *commas])
    if text.is_empty():
        return None, None
    clear = text.filter(~text.str.contains(ONE_NUMBER))
    if clear.is_empty():
        return ".", f"{text[0]} is read as {text[0].replace(',', '')}; if the comma is a decimal sign, say --decimal ,"
    is_comma = parse_numbers(clear, ",").is_not_null()
    n_comma = int(is_comma.sum() or 0)
    if 0 < n_comma < len(clear):
        pair = f"{clear.filter(is_comma)[0]} and {clear.filter(~is_comma)[0]}"
        return ("," if 2 * n_comma >= len(clear) else "."), f"{pair}: numbers with both decimal signs; one is refused"
    return ("," if n_comma else "."), None


def guess_time_formats(text: pl.Series) -> tuple[list[str], str | None]:
    """The values for --time-format, none where all times are read without; and a doubt about day and month."""
    words = usual_clocks(text.drop_nulls().unique(maintain_order=True))
    if are_spreadsheet_days(words):
        day = from_spreadsheet_day(words[0])
        return [SPREADSHEET], f"{words[0]} is taken for the day number of a spreadsheet, {day}"
    unread = words.filter(parse_timestamps(words).is_null())
    left, tried = unread.head(MOST_TRIED).to_list(), words.head(MOST_TRIED).to_list()
    formats: list[str] = []
    doubt = None
    while left:
        share = {each: (_n_written(left, each), _n_written(tried, each)) for each in FORMATS}
        best = max(FORMATS, key=lambda each: share[each])
        if not share[best][0]:
            break
        twins = [each for each in FORMATS if each != best and share[each] == share[best]]
        if twins:
            read, other = FIRST[best[:2]], FIRST[twins[0][:2]]
            doubt = f"{left[0]}: the first number is taken for the {read}; if it is the {other}, say --time-format "
            doubt += repr(twins[0])
        formats.append(best)
        left = [word for word in left if not _is_written(word, best)]
    return formats, doubt


def local_time(text: pl.Series) -> str | None:
    """The first value that is a time of the day without a zone; None if all have one."""
    local = text.filter((text.str.contains(LOCAL) & ~text.str.contains(NEVER)).fill_null(False))
    return None if local.is_empty() else str(local[0])


def _is_most(is_good: pl.Series, text: pl.Series) -> bool:
    return bool((is_good & text.is_not_null()).sum() >= MIN_SHARE * max(1, text.count()))


def _n_written(words: Sequence[str], time_format: str) -> int:
    return sum(_is_written(word, time_format) for word in words)


def _is_written(word: str, time_format: str) -> bool:
    with suppress(ValueError):
        return datetime.strptime(word, time_format).year > 1
    return False

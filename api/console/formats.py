"""Formats of figures: numbers, shares, money and moments as text."""

from datetime import datetime
from typing import Any

from recsys.time_units import minute

NOTHING = "–"


def number(value: float | None, digits: int | None = None) -> str:
    """1,993 or 0.87; whole numbers without digits behind the point."""
    if value is None:
        return NOTHING
    if digits is None:
        digits = 0 if float(value).is_integer() else 2
    return f"{_rounded(value, digits):,.{digits}f}"


def share(value: float | None, digits: int = 1) -> str:
    """0.418 as 41.8 %."""
    return NOTHING if value is None else f"{_rounded(100 * value, digits):.{digits}f} %"


def _rounded(value: float, digits: int) -> float:
    """Rounded, and 0 without a sign."""
    return round(value, digits) + 0.0


def day(value: str | datetime | None) -> str:
    """The day (UTC) of a moment as the service writes it."""
    return NOTHING if value is None else str(value)[:10]


def moment(value: float | str | None) -> str:
    """Unix milliseconds, or a text of ISO 8601, as 2017-12-05 14:30."""
    if value is None:
        return NOTHING
    return str(value)[:16].replace("T", " ") if isinstance(value, str) else minute(int(value))


def words(value: Any) -> str:
    """A name of the engine as people read it: at_risk as `at risk`."""
    return NOTHING if value is None or value == "" else str(value).replace("_", " ")


def sentence(value: str) -> str:
    """With a capital at its beginning; the rest stays, because it may hold names."""
    return value[:1].upper() + value[1:]


def cell(value: Any, kind: str) -> str:
    """A value of a table."""
    match kind:
        case "number":
            return number(value)
        case "money":
            return number(value, 2)
        case "share":
            return share(value)
        case "whole":
            return number(value, 0)
        case "date":
            return day(value)
        case "moment":
            return moment(value)
        case "words":
            return words(value)
        case _:
            return NOTHING if value is None or value == "" else str(value)


FILTERS = {
    "number": number,
    "share": share,
    "day": day,
    "moment": moment,
    "words": words,
    "sentence": sentence,
    "cell": cell,
}

"""Values of a filter as they are written: which ones a field takes, and what they become."""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Final, Literal

from recsys.data.catalogue.attributes import AttributeValue
from recsys.errors import BadFilter
from recsys.time_units import milliseconds

FieldKind = Literal["text", "number", "time", "age", "any"]

FIELDS: Final[Mapping[str, FieldKind]] = {
    **dict.fromkeys(("item_id", "name", "category", "brand"), "text"),
    **dict.fromkeys(("price", "stock"), "number"),
    **dict.fromkeys(("available_from", "available_until"), "time"),
    "age_days": "age",
}
MAX_TEXT = 1_000  # characters


def parse_values(kind: FieldKind, values: object, place: str) -> tuple[AttributeValue, ...]:
    """The values of a list.  Raises BadFilter."""
    if not isinstance(values, list):
        raise BadFilter(f"{place}: must be a list of values, not {shown(values)}")
    return tuple(parse_value(kind, value, place) for value in values)


def parse_value(kind: FieldKind, value: object, place: str) -> AttributeValue:
    """A text, number or boolean, as the field takes them.  Raises BadFilter."""
    if isinstance(value, str) and kind != "number":
        if not is_filter_text(value):
            raise BadFilter(f"{place}: use text of up to {MAX_TEXT} characters without lone surrogates")
        return value
    if isinstance(value, bool) and kind == "any":
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and kind != "text":
        return _number(value, place)
    expected = {"text": "text", "number": "a number"}.get(kind, "text, a number, true or false")
    raise BadFilter(f"{place}: must be {expected}, not {shown(value)}{_null_hint(value)}")


def parse_bound(kind: FieldKind, value: object, place: str) -> float:
    """A number; of a moment Unix milliseconds.  Raises BadFilter."""
    if kind == "time" and isinstance(value, str):
        return _moment_ms(value, place)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, place)
    expected = "ISO 8601 or Unix milliseconds" if kind == "time" else "a number"
    raise BadFilter(f"{place}: must be {expected}, not {shown(value)}{_null_hint(value)}")


def parse_boolean(_kind: FieldKind, value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise BadFilter(f"{place}: must be true or false, not {shown(value)}")
    return value


def is_filter_text(value: str) -> bool:
    """True if the text is short enough and can be encoded."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return len(value) <= MAX_TEXT


def shown(value: object) -> str:
    """The value in an error message; of an object or a list, which may be deep or long, only its type."""
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else f"{value!r:.60}"


def _number(value: float, place: str) -> float:
    try:
        number = float(value) + 0.0  # so that -0.0 becomes 0.0
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise BadFilter(f"{place}: must be a finite number")
    return number


def _moment_ms(value: str, place: str) -> float:
    try:
        moment = datetime.fromisoformat(value)
        return float(milliseconds(moment))
    except (ValueError, OverflowError):
        raise BadFilter(f"{place}: use ISO 8601, such as 2024-05-01T12:00:00Z, or Unix milliseconds") from None


def _null_hint(value: object) -> str:
    return '; write {"exists": false} for what has no value' if value is None else ""

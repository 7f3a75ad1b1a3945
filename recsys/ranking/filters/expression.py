"""A filter over any field or attribute, in JSON: read, checked, and written in one way only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final, Literal

import orjson

from recsys.config import spelling_hint
from recsys.data.catalogue.attributes import AttributeValue
from recsys.errors import BadFilter

FieldKind = Literal["text", "number", "time", "age", "any"]

FIELDS: Final[Mapping[str, FieldKind]] = {
    **dict.fromkeys(("item_id", "name", "category", "brand"), "text"),
    **dict.fromkeys(("price", "stock"), "number"),
    **dict.fromkeys(("available_from", "available_until"), "time"),
    "age_days": "age",
}
ATTRIBUTE = "attributes."  # before the name of an attribute that a field or an operator is named like
BOUNDS = ("gte", "gt", "lte", "lt")
OPERATORS = ("eq", "in", *BOUNDS, "exists")
MOST_CONDITIONS, MOST_DEPTH, MOST_VALUES, MOST_TEXT = 50, 6, 1_000, 1_000


@dataclass(frozen=True, slots=True)
class AllOf:
    """What passes every part; without parts, everything."""

    parts: tuple["FilterExpression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What passes one part or more; without parts, nothing."""

    parts: tuple["FilterExpression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What does not pass the part."""

    part: "FilterExpression"


@dataclass(frozen=True, slots=True)
class Among:
    """What has one of these values; empty text stands for what has none."""

    field: str
    values: tuple[AttributeValue, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """What has a number within the bounds, by operator; what has none is outside."""

    field: str
    bounds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class HasValue:
    """What has any value."""

    field: str


FilterExpression = AllOf | AnyOf | Not | Among | Within | HasValue


@dataclass(frozen=True, slots=True)
class Where:
    """A filter.  text: one for all that say the same in another order.  tells_age: it depends on the moment."""

    condition: FilterExpression
    text: str
    tells_age: bool


def where_of(given: object) -> Where:
    """The filter that was written.  Raises BadFilter, which names the place and what may stand there."""
    condition = _condition(given, "", _Left())
    data = as_data(condition)
    return Where(
        condition, orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode(), "age_days" in fields_of(condition)
    )


def where_in(text: str) -> Where:
    """The filter in a text of JSON.  Raises BadFilter."""
    try:
        return where_of(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise BadFilter(f'no JSON: {error}; write it like {{"price": {{"lt": 5}}}}') from None


def as_data(condition: FilterExpression) -> dict[str, Any]:
    """The filter as JSON types; read again, it is the same."""
    match condition:
        case AllOf(parts):
            return {"and": [as_data(part) for part in parts]}
        case AnyOf(parts):
            return {"or": [as_data(part) for part in parts]}
        case Not(part):
            return {"not": as_data(part)}
        case Among(name, values):
            return {name: {"in": list(values)}}
        case Within(name, bounds):
            return {name: dict(bounds)}
        case HasValue(name):
            return {name: {"exists": True}}


def fields_of(condition: FilterExpression) -> set[str]:
    """Every field it asks about; those of attributes begin with ATTRIBUTE."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return set().union(*map(fields_of, parts))
        case Not(part):
            return fields_of(part)
        case Among(name) | Within(name) | HasValue(name):
            return {name}


@dataclass(slots=True)
class _Left:
    """How much a filter may still hold: what costs time is bounded before it is done."""

    conditions: int = MOST_CONDITIONS
    values: int = MOST_VALUES
    depth: int = field(default=0)

    def take_condition(self, at: str) -> None:
        self.conditions -= 1
        if self.conditions < 0:
            raise BadFilter(f"{at}: more than {MOST_CONDITIONS} conditions; write `in` for several values of one field")

    def take_values(self, n: int, at: str) -> None:
        self.values -= n
        if self.values < 0:
            raise BadFilter(
                f"{at}: more than {MOST_VALUES} values in one filter; an attribute for all of them is faster"
            )


def _condition(given: object, at: str, left: _Left) -> FilterExpression:
    if not isinstance(given, Mapping):
        raise BadFilter(f'{at or "where"}: must be an object such as {{"price": {{"lt": 5}}}}, not {_shown(given)}')
    if left.depth >= MOST_DEPTH:
        raise BadFilter(f"{at}: more than {MOST_DEPTH} levels; lift the inner conditions up")
    left.depth += 1
    parts = [_part(str(key), value, f"{at}.{key}".strip("."), left) for key, value in given.items()]
    left.depth -= 1
    return _joined(AllOf, parts)


def _part(key: str, given: object, at: str, left: _Left) -> FilterExpression:
    left.take_condition(at)
    if key == "not":
        inner = _condition(given, at, left)
        return inner.part if isinstance(inner, Not) else Not(inner)
    if key in ("and", "or"):
        if not isinstance(given, list):
            raise BadFilter(f'{at}: must be a list of conditions, such as [{{"price": {{"lt": 5}}}}]')
        parts = [_condition(one, f"{at}[{place}]", left) for place, one in enumerate(given)]
        return _joined(AllOf if key == "and" else AnyOf, parts)
    return _field(key, given, at, left)


def _joined(kind: type[AllOf] | type[AnyOf], parts: Iterable[FilterExpression]) -> FilterExpression:
    """In one order, each once, without a level that says nothing."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    unique = {orjson.dumps(as_data(part), option=orjson.OPT_SORT_KEYS): part for part in flat}
    ordered = tuple(unique[text] for text in sorted(unique))
    return ordered[0] if len(ordered) == 1 else kind(ordered)


def _field(key: str, given: object, at: str, left: _Left) -> FilterExpression:
    kind = FIELDS.get(key, "any")
    name = key if kind != "any" else ATTRIBUTE + key.removeprefix(ATTRIBUTE)
    if len(key) > MOST_TEXT or not _is_text(key):
        raise BadFilter(f"{key!r:.60}: use a name of up to {MOST_TEXT} characters without lone surrogates")
    told = given if isinstance(given, Mapping) else {"in" if isinstance(given, list) else "eq": given}
    if not told:
        raise BadFilter(f"{at}: says nothing; use one of {', '.join(OPERATORS)}")
    for operator in told:
        if operator not in OPERATORS:
            raise BadFilter(f"{at}: {_shown(operator)} is no operator; {spelling_hint(str(operator), OPERATORS)}")
    parts: list[FilterExpression] = []
    if "eq" in told:
        parts.append(_among(name, kind, [told["eq"]], f"{at}.eq", left))
    if "in" in told:
        parts.append(_among(name, kind, told["in"], f"{at}.in", left))
    if "exists" in told:
        parts.append(_exists(name, told["exists"], f"{at}.exists"))
    bounds = tuple((bound, _bound(kind, told[bound], f"{at}.{bound}")) for bound in BOUNDS if bound in told)
    return _joined(AllOf, [*parts, Within(name, bounds)] if bounds else parts)


def _exists(name: str, wanted: object, at: str) -> FilterExpression:
    if not isinstance(wanted, bool):
        raise BadFilter(f"{at}: must be true or false, not {_shown(wanted)}")
    return HasValue(name) if wanted else Not(HasValue(name))


def _among(name: str, kind: FieldKind, given: object, at: str, left: _Left) -> FilterExpression:
    if kind in ("time", "age"):
        raise BadFilter(f"{at}: {name} is a moment that nothing hits; use {', '.join(BOUNDS)} or exists")
    if not isinstance(given, list):
        raise BadFilter(f"{at}: must be a list of values, not {_shown(given)}")
    left.take_values(len(given), at)
    values = {orjson.dumps(value): value for value in (_value(kind, one, at) for one in given)}
    return Among(name, tuple(values[text] for text in sorted(values)))


def _value(kind: FieldKind, given: object, at: str) -> AttributeValue:
    if isinstance(given, str) and kind != "number":
        if len(given) > MOST_TEXT or not _is_text(given):
            raise BadFilter(f"{at}: use text of up to {MOST_TEXT} characters without lone surrogates")
        return given
    if isinstance(given, bool) and kind == "any":
        return given
    if isinstance(given, int | float) and not isinstance(given, bool) and kind != "text":
        return _number(given, at)
    wanted = {"text": "text", "number": "a number"}.get(kind, "text, a number, true or false")
    raise BadFilter(f"{at}: must be {wanted}, not {_shown(given)}{_if_null(given)}")


def _bound(kind: FieldKind, given: object, at: str) -> float:
    if kind == "text":
        raise BadFilter(f"{at}: only numbers and moments have bounds; use eq or in")
    if kind == "time" and isinstance(given, str):
        return _moment(given, at)
    if isinstance(given, int | float) and not isinstance(given, bool):
        return _number(given, at)
    wanted = "ISO 8601 or Unix milliseconds" if kind == "time" else "a number"
    raise BadFilter(f"{at}: must be {wanted}, not {_shown(given)}{_if_null(given)}")


def _number(given: float, at: str) -> float:
    try:
        number = float(given) + 0.0  # of minus nothing, nothing
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise BadFilter(f"{at}: must be a finite number")
    return number


def _moment(given: str, at: str) -> float:
    try:
        moment = datetime.fromisoformat(given)
        return float(round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000))
    except (ValueError, OverflowError):
        raise BadFilter(f"{at}: use ISO 8601, such as 2024-05-01T12:00:00Z, or Unix milliseconds") from None


def _is_text(given: str) -> bool:
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


def _if_null(given: object) -> str:
    return '; write {"exists": false} for what has no value' if given is None else ""


def _shown(given: object) -> str:
    """A text, a number; of what may be deep or long only what it is."""
    if isinstance(given, Mapping):
        return "an object"
    return "a list" if isinstance(given, list) else f"{given!r:.60}"

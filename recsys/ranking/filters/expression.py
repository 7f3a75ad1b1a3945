"""Filter expression: a tree of conditions on fields and attributes of items, with one canonical JSON text."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from recsys.data.catalogue.attributes import AttributeValue
from recsys.fast_dataclass import fast_frozen

ATTRIBUTE = "attributes."  # prefix of attribute names, which may be those of a field or an operator
Operand = tuple[AttributeValue, ...] | AttributeValue


@fast_frozen
@dataclass(frozen=True, slots=True)
class AllOf:
    """Items that pass every part; without parts, all items."""

    parts: tuple["FilterExpression", ...]


@fast_frozen
@dataclass(frozen=True, slots=True)
class AnyOf:
    """Items that pass one part or more; without parts, none."""

    parts: tuple["FilterExpression", ...]


@fast_frozen
@dataclass(frozen=True, slots=True)
class Not:
    """Items that do not pass the part."""

    part: "FilterExpression"


@fast_frozen
@dataclass(frozen=True, slots=True)
class Condition:
    """Items whose field passes one operator of filters.operators; names of attributes begin with ATTRIBUTE."""

    field: str
    operator: str
    operand: Operand


FilterExpression = AllOf | AnyOf | Not | Condition


@fast_frozen
@dataclass(frozen=True, slots=True)
class Where:
    """A filter.  text: canonical, the same for filters that differ in order only.

    depends_on_age: the items that pass depend on the moment.
    """

    expression: FilterExpression
    text: str
    depends_on_age: bool


def build_where(expression: FilterExpression) -> Where:
    return Where(expression, _text(expression).decode(), _depends_on_age(expression))


def negated(part: FilterExpression) -> FilterExpression:
    return part.part if isinstance(part, Not) else Not(part)


def one_of(field: str, values: Iterable[AttributeValue]) -> Condition:
    """Items with one of the values; empty text stands for items without a value."""
    by_text = {orjson.dumps(value): value for value in values}
    return Condition(field, "in", tuple(by_text[text] for text in sorted(by_text)))


def to_json(expression: FilterExpression) -> dict[str, Any]:
    """The expression as JSON types; parsed again, it is the same."""
    match expression:
        case Condition(field, operator, operand):
            return {field: {operator: list(operand) if isinstance(operand, tuple) else operand}}
        case Not(part):
            return {"not": to_json(part)}
        case AllOf(parts):
            groups = _by_field(parts)
            return groups[0] if len(groups) == 1 else {"and": groups}
        case AnyOf(parts):
            return {"or": [to_json(part) for part in parts]}


def _depends_on_age(expression: FilterExpression) -> bool:
    match expression:
        case Condition(field):
            return field == "age_days"
        case Not(part):
            return _depends_on_age(part)
        case AllOf(parts) | AnyOf(parts):
            return any(map(_depends_on_age, parts))


def _by_field(parts: Iterable[FilterExpression]) -> list[dict[str, Any]]:
    """The parts as JSON types; conditions on one field share an object, so a range stays together."""
    groups: list[dict[str, Any]] = []
    by_field: dict[str, dict[str, Any]] = {}
    for part in parts:
        group = to_json(part)
        if isinstance(part, Condition):
            known = by_field.setdefault(part.field, group[part.field])
            if known is not group[part.field] and part.operator not in known:
                known |= group[part.field]
                continue
        groups.append(group)
    return groups


def joined(kind: type[AllOf] | type[AnyOf], parts: Iterable[FilterExpression]) -> FilterExpression:
    """The parts in canonical order, each once, without a level that says nothing."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    by_text = {_text(part): part for part in flat}
    ordered = tuple(by_text[text] for text in sorted(by_text))
    return ordered[0] if len(ordered) == 1 else kind(ordered)


def _text(expression: FilterExpression) -> bytes:
    return orjson.dumps(to_json(expression), option=orjson.OPT_SORT_KEYS)

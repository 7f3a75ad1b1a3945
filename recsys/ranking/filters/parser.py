"""Filter parser: JSON types in, a checked filter expression out."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from recsys.config import spelling_hint
from recsys.errors import BadFilter
from recsys.ranking.filters.expression import (
    ATTRIBUTE,
    AllOf,
    AnyOf,
    Condition,
    FilterExpression,
    Where,
    build_where,
    joined,
    negated,
)
from recsys.ranking.filters.operators import OPERATORS
from recsys.ranking.filters.values import FIELDS, MAX_TEXT, FieldKind, is_filter_text, shown

MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES = 50, 6, 1_000


def parse_filter(written: object) -> Where:
    """The filter of JSON types.  Raises BadFilter, which names the place and what may stand there."""
    return build_where(_parse(written, "", FilterBudget()))


def parse_filter_text(text: str) -> Where:
    """The filter of a JSON text.  Raises BadFilter."""
    try:
        return parse_filter(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise BadFilter(f'no JSON: {error}; write it like {{"price": {{"lt": 5}}}}') from None


@dataclass(slots=True)
class FilterBudget:
    """How much a filter or segment may still hold: checked before any time is spent on it."""

    conditions: int = MAX_CONDITIONS
    values: int = MAX_VALUES
    depth: int = 0

    def take_condition(self, place: str) -> None:
        self.conditions -= 1
        if self.conditions < 0:
            raise BadFilter(
                f"{place}: more than {MAX_CONDITIONS} conditions; write `in` for several values of one field"
            )

    def take_values(self, n: int, place: str) -> None:
        self.values -= n
        if self.values < 0:
            raise BadFilter(
                f"{place}: more than {MAX_VALUES} values in one filter; an attribute for all of them is faster"
            )


def _parse(written: object, place: str, budget: FilterBudget) -> FilterExpression:
    if not isinstance(written, Mapping):
        raise BadFilter(f'{place or "where"}: must be an object such as {{"price": {{"lt": 5}}}}, not {shown(written)}')
    if budget.depth >= MAX_DEPTH:
        raise BadFilter(f"{place}: more than {MAX_DEPTH} levels; lift the inner conditions up")
    budget.depth += 1
    parts = [_parse_part(str(key), value, f"{place}.{key}".strip("."), budget) for key, value in written.items()]
    budget.depth -= 1
    return joined(AllOf, parts)


def _parse_part(key: str, written: object, place: str, budget: FilterBudget) -> FilterExpression:
    budget.take_condition(place)
    if key == "not":
        return negated(_parse(written, place, budget))
    if key in ("and", "or"):
        if not isinstance(written, list):
            raise BadFilter(f'{place}: must be a list of conditions, such as [{{"price": {{"lt": 5}}}}]')
        parts = [_parse(part, f"{place}[{at}]", budget) for at, part in enumerate(written)]
        return joined(AllOf if key == "and" else AnyOf, parts)
    return _parse_field(key, written, place, budget)


def _parse_field(key: str, written: object, place: str, budget: FilterBudget) -> FilterExpression:
    kind = FIELDS.get(key, "any")
    field = key if kind != "any" else ATTRIBUTE + key.removeprefix(ATTRIBUTE)
    return parse_conditions(field, kind, written, place, budget)


def parse_conditions(
    field: str, kind: FieldKind, written: object, place: str, budget: FilterBudget
) -> FilterExpression:
    """The conditions on one field: operators with their operands, a value, or a list of values.  Raises BadFilter."""
    if not is_filter_text(field):
        raise BadFilter(
            f"{field.removeprefix(ATTRIBUTE)!r:.60}: use a name of up to {MAX_TEXT} characters without lone surrogates"
        )
    operands = written if isinstance(written, Mapping) else {"in" if isinstance(written, list) else "eq": written}
    if not operands:
        raise BadFilter(f"{place}: says nothing; use one of {', '.join(OPERATORS)}")
    parts: list[FilterExpression] = []
    for name, value in operands.items():
        if name not in OPERATORS:
            raise BadFilter(f"{place}: {shown(name)} is no operator; {spelling_hint(str(name), OPERATORS)}")
        if isinstance(value, list):
            budget.take_values(len(value), place)
        row = OPERATORS[name]
        if kind not in row.kinds:
            others = ", ".join(other for other, operator in OPERATORS.items() if kind in operator.kinds)
            raise BadFilter(f"{place}.{name}: {row.refusal.format(field=field)}; use {others}")
        operand = row.parse(kind, value, f"{place}.{name}")
        parts.append(Condition(field, name, operand) if row.build is None else row.build(field, operand))
    return joined(AllOf, parts)

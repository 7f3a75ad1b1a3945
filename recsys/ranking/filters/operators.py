"""Filter operators: one row each, with its parser, its mask and its description in the OpenAPI schema."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
from pydantic import Field

from recsys.arrays import Bools
from recsys.ranking.filters.columns import compare, has_value, isin
from recsys.ranking.filters.expression import Condition, FilterExpression, Not, one_of
from recsys.ranking.filters.values import FieldKind, parse_boolean, parse_bound, parse_value, parse_values

ValueSchema = str | float | bool
BoundSchema = Annotated[float | str, Field(description="a number; of a moment ISO 8601 or Unix milliseconds")]


class Operator(NamedTuple):
    """parse: (field, kind, written value, place) -> condition; raises BadFilter.

    mask: (field, operand, catalogue, now) -> (I,), the items that pass; None where `parse` gives another operator.
    """

    parse: Callable[[str, FieldKind, object, str], FilterExpression]
    mask: Callable[..., Bools] | None
    schema: Any
    description: str = ""


def _parse_eq(field: str, kind: FieldKind, value: object, place: str) -> FilterExpression:
    return one_of(field, [parse_value(field, kind, value, place)])


def _parse_in(field: str, kind: FieldKind, values: object, place: str) -> FilterExpression:
    return one_of(field, parse_values(field, kind, values, place))


def _parse_exists(field: str, _kind: FieldKind, value: object, place: str) -> FilterExpression:
    condition = Condition(field, "exists", True)
    return condition if parse_boolean(value, place) else Not(condition)


def _bound(name: str, comparison: Callable[..., Bools]) -> Operator:
    def parse(field: str, kind: FieldKind, value: object, place: str) -> FilterExpression:
        return Condition(field, name, parse_bound(kind, value, place))

    return Operator(parse, partial(compare, comparison), BoundSchema)


OPERATORS: Final[Mapping[str, Operator]] = {
    "eq": Operator(_parse_eq, None, ValueSchema, "has this value; of a list, one of its words"),
    "in": Operator(_parse_in, isin, list[ValueSchema], "has one of these values"),
    "gte": _bound("gte", np.greater_equal),
    "gt": _bound("gt", np.greater),
    "lte": _bound("lte", np.less_equal),
    "lt": _bound("lt", np.less),
    "exists": Operator(_parse_exists, has_value, bool, "has any value, or none"),
}

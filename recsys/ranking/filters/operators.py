"""Filter operators: one row each, with its parser, its mask and its description in the OpenAPI schema."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
from pydantic import Field

from recsys.arrays import Bools
from recsys.ranking.filters.columns import compare, has_value, isin
from recsys.ranking.filters.expression import Condition, FilterExpression, Not, Operand, one_of
from recsys.ranking.filters.values import FieldKind, parse_boolean, parse_bound, parse_value, parse_values

ValueSchema = str | float | bool
BoundSchema = Annotated[float | str, Field(description="a number; of a moment ISO 8601 or Unix milliseconds")]


class Operator(NamedTuple):
    """parse: (kind, written value, place) -> operand; raises BadFilter.

    mask: (field, operand, catalogue, now) -> (I,), the items that pass.
    build: (field, operand) -> canonical expression, where it is not one Condition of this operator.
    kinds: the kinds of fields that it can compare; messages about the others name the operators that can.
    refusal: why it cannot compare the others, with {field} for the name of the field.
    """

    parse: Callable[[FieldKind, object, str], Operand]
    mask: Callable[..., Bools]
    schema: Any
    description: str = ""
    build: Callable[[str, Any], FilterExpression] | None = None
    kinds: Collection[FieldKind] = ("text", "number", "time", "age", "any")
    refusal: str = ""


EQUALITY: Final = ("text", "number", "any")  # two times are hardly ever equal
ORDER: Final = ("number", "time", "age", "any")
NOT_EXACT: Final = "{field} is a moment that nothing hits exactly"
NO_BOUNDS: Final = "only numbers and moments have bounds"
OPERATORS: Final[Mapping[str, Operator]] = {
    "eq": Operator(
        parse_value,
        isin,
        ValueSchema,
        "has this value; of a list, one of its words",
        build=lambda field, value: one_of(field, [value]),
        kinds=EQUALITY,
        refusal=NOT_EXACT,
    ),
    "in": Operator(parse_values, isin, list[ValueSchema], "has one of these values", one_of, EQUALITY, NOT_EXACT),
    "gte": Operator(parse_bound, partial(compare, np.greater_equal), BoundSchema, kinds=ORDER, refusal=NO_BOUNDS),
    "gt": Operator(parse_bound, partial(compare, np.greater), BoundSchema, kinds=ORDER, refusal=NO_BOUNDS),
    "lte": Operator(parse_bound, partial(compare, np.less_equal), BoundSchema, kinds=ORDER, refusal=NO_BOUNDS),
    "lt": Operator(parse_bound, partial(compare, np.less), BoundSchema, kinds=ORDER, refusal=NO_BOUNDS),
    "exists": Operator(
        parse_boolean,
        has_value,
        bool,
        "has any value, or none",
        build=lambda field, wanted: (
            Condition(field, "exists", True) if wanted else Not(Condition(field, "exists", True))
        ),
    ),
}

"""The filter over any field or attribute as one checks and describes it with pydantic: in requests and in rules."""

from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator
from typing_extensions import TypeAliasType, TypedDict

from recsys.errors import BadFilter
from recsys.ranking.filters.expression import Where, as_data, where_of

EXAMPLES = [
    {"price": {"gte": 2, "lt": 20}, "department": ["GROCERY", "DAIRY"]},
    {"or": [{"organic": True}, {"not": {"brand": {"exists": True}}}]},
    {"age_days": {"lte": 30}},
]

Written = str | float | bool
BoundSchema = Annotated[float | str, Field(description="a number; of a moment ISO 8601 or Unix milliseconds")]


Operators = TypedDict(
    "Operators",
    {
        "eq": Annotated[Written, Field(description="has this value; of a list, one of its words")],
        "in": Annotated[list[Written], Field(description="has one of these values")],
        "gte": BoundSchema,
        "gt": BoundSchema,
        "lte": BoundSchema,
        "lt": BoundSchema,
        "exists": Annotated[bool, Field(description="has any value, or none")],
    },
    total=False,
)

Condition = TypeAliasType("Condition", "dict[str, Operators | Written | list[Written] | Condition | list[Condition]]")


def _read(given: object) -> Where:
    try:
        return where_of(given)
    except BadFilter as error:
        raise ValueError(str(error)) from None


WhereIn = Annotated[
    Where,
    PlainValidator(_read, json_schema_input_type=Condition),
    PlainSerializer(lambda where: as_data(where.condition)),
    Field(
        description="conditions by field or attribute, and `and`, `or` (lists) and `not`; see docs/api.md",
        examples=EXAMPLES,
    ),
]

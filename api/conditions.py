"""The filter over any field or attribute, as a request carries it and as /docs describes it."""

from typing import Annotated

from fastapi import Query
from pydantic import Field, PlainSerializer, PlainValidator
from typing_extensions import TypeAliasType, TypedDict

from recsys.errors import BadFilter
from recsys.ranking.where import Where, as_data, where_in, where_of

MOST_QUERY = 8_000  # characters of a filter in a URL; a longer one belongs into a body
EXAMPLES = [
    {"price": {"gte": 2, "lt": 20}, "department": ["GROCERY", "DAIRY"]},
    {"or": [{"organic": True}, {"not": {"brand": {"exists": True}}}]},
    {"age_days": {"lte": 30}},
]

Written = str | float | bool
Limit = Annotated[float | str, Field(description="a number; of a moment ISO 8601 or Unix milliseconds")]


Operators = TypedDict(
    "Operators",
    {
        "eq": Annotated[Written, Field(description="has this value; of a list, one of its words")],
        "in": Annotated[list[Written], Field(description="has one of these values")],
        "gte": Limit,
        "gt": Limit,
        "lte": Limit,
        "lt": Limit,
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
WhereText = Annotated[
    str | None,
    Query(
        max_length=MOST_QUERY,
        description="a filter over any field or attribute, as JSON; see docs/api.md",
        openapi_examples={"none": {"value": None}, "cheap": {"value": '{"price": {"lt": 5}}'}},
    ),
]


def where_asked(text: str | None) -> Where | None:
    """The filter of a query.  Raises BadFilter."""
    return None if text is None else where_in(text)

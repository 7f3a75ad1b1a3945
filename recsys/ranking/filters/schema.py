"""Pydantic schema of a filter, for requests and rules."""

from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator
from typing_extensions import TypeAliasType, TypedDict

from recsys.errors import BadFilter
from recsys.ranking.filters.expression import Where, to_json
from recsys.ranking.filters.operators import OPERATORS, ValueSchema
from recsys.ranking.filters.parser import parse_filter

EXAMPLES = [
    {"price": {"gte": 2, "lt": 20}, "department": ["GROCERY", "DAIRY"]},
    {"or": [{"organic": True}, {"not": {"brand": {"exists": True}}}]},
    {"age_days": {"lte": 30}},
]

OperatorsSchema = TypedDict(  # type: ignore[misc]
    "Operators",
    {
        name: Annotated[row.schema, Field(description=row.description)] if row.description else row.schema
        for name, row in OPERATORS.items()
    },
    total=False,
)
ConditionSchema = TypeAliasType(  # type: ignore[misc]
    "Condition",
    "dict[str, OperatorsSchema | ValueSchema | list[ValueSchema] | ConditionSchema | list[ConditionSchema]]",
)


def _parse(written: object) -> Where:
    try:
        return parse_filter(written)
    except BadFilter as error:
        raise ValueError(str(error)) from None


WhereIn = Annotated[
    Where,
    PlainValidator(_parse, json_schema_input_type=ConditionSchema),
    PlainSerializer(lambda where: to_json(where.expression)),
    Field(
        description="conditions by field or attribute, and `and`, `or` (lists) and `not`; see docs/api.md",
        examples=EXAMPLES,
    ),
]

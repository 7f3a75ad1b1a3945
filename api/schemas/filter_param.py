"""The filter over any field or attribute, as a URL carries it."""

from typing import Annotated

from fastapi import Query

from recsys.ranking.filters.expression import Where, where_in

MOST_QUERY = 8_000  # characters; a longer one belongs into a body

WhereText = Annotated[
    str | None,
    Query(
        max_length=MOST_QUERY,
        description="a filter over any field or attribute, as JSON; see docs/api.md",
        openapi_examples={"cheap": {"value": '{"price": {"lt": 5}}'}},
    ),
]


def where_asked(text: str | None) -> Where | None:
    """The filter of a query.  Raises BadFilter."""
    return None if text is None else where_in(text)

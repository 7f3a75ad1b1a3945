"""Path and query parameters shared by routes."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator

from api.schemas.common import MAX_K, normalized_id, sorted_fields
from recsys.data.store.validation import MAX_ID
from recsys.ranking.faces import FaceField
from recsys.ranking.filters.expression import Where
from recsys.ranking.filters.parser import parse_filter_text

PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
MAX_WHERE = 8_000  # characters; a longer filter belongs into a body

PathId = Annotated[
    str, Path(min_length=1, max_length=MAX_ID, pattern=PRINTABLE, examples=["995242"]), BeforeValidator(normalized_id)
]
UserPathId = Annotated[
    str, Path(min_length=1, max_length=MAX_ID, pattern=PRINTABLE, examples=["900"]), BeforeValidator(normalized_id)
]
K = Annotated[int, Query(ge=1, le=MAX_K, description="most items wanted")]
WhereText = Annotated[
    str | None,
    Query(
        max_length=MAX_WHERE,
        description="a filter over any field or attribute, as JSON; see docs/api.md",
        openapi_examples={"cheap": {"value": '{"price": {"lt": 5}}'}},
    ),
]


def _words(values: object) -> object:
    """`a,b` in one value as two."""
    texts = values if isinstance(values, list | tuple) else [values]
    return tuple(word for text in texts for word in str(text).split(",") if word)


def _sorted_tuple(fields: tuple[FaceField, ...]) -> tuple[FaceField, ...]:
    return tuple(sorted_fields(fields))


FieldsParam = Annotated[
    tuple[FaceField, ...],
    BeforeValidator(_words),
    AfterValidator(_sorted_tuple),
    Query(description="what each item shows besides, with commas between", examples=["price,image"]),
]


def parse_where(text: str | None) -> Where | None:
    """The filter of a query parameter.  Raises BadFilter."""
    return None if text is None else parse_filter_text(text)

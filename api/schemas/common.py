"""Common schemas: base model, scalar types and the error body."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, StringConstraints

from recsys.data.ids import normalize_id
from recsys.data.store.validation import MAX_ID, MAX_NUMBER
from recsys.ranking.faces import FACE_FIELDS, FaceField
from recsys.time_units import DAY_MS, milliseconds

EARLIEST_MS = 631_152_000_000  # 1990: an earlier time was sent in seconds
LATEST_MS = 253_402_300_799_000  # 9999
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MAX_K = 100
MAX_EXACT = 2**53  # above it, numbers with a decimal point have lost digits
MAX_NAMES = 1_000
KindName = Literal[
    "view", "click", "cart", "wishlist", "purchase", "return", "rating", "impression", "dismiss"
]  # of Kind, in its order


def _milliseconds(value: object) -> object:
    """Unix milliseconds from a number or ISO 8601, which is UTC without an offset."""
    if not isinstance(value, str):
        if isinstance(value, int | float) and EARLIEST_MS // 1_000 <= value < EARLIEST_MS:
            raise ValueError(f"{value} are seconds; use Unix milliseconds ({value * 1_000}), or ISO 8601")
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("use ISO 8601, such as 2024-05-01T12:00:00Z, or Unix milliseconds") from None
    return milliseconds(at)


def _number_of_digits(value: object) -> object:
    """The text of a query parameter: a number if it is one, else ISO 8601."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _end_of_day(value: object) -> object:
    """A day alone as its last millisecond."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        return value
    start = _milliseconds(value)
    return start + DAY_MS - 1 if isinstance(start, int) else start


def normalized_id(value: object) -> object:
    """Text or a whole number as an id, as imports take them; anything else stays, and is refused after this."""
    if isinstance(value, str):
        return normalize_id(value)
    return _id_of_number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _id_of_number(number: float) -> str:
    """100 and 100.0 are the id 100."""
    if isinstance(number, float) and not (number.is_integer() and abs(number) < MAX_EXACT):
        raise ValueError(f"an id is text or a whole number; send {number} as text")
    return str(int(number))


def _sorted_set(names: list[str]) -> list[str]:
    """Sorted and without duplicates, so that equal sets give equal queries."""
    return sorted(set(names))


def sorted_fields(fields: Collection[FaceField]) -> list[FaceField]:
    """Each once, in one order, so that equal sets give equal queries."""
    return [field for field in FACE_FIELDS if field in fields]


def _capped(limit: float) -> float:
    """The limit, cut to twice the highest price: then the filter fits the single precision of prices."""
    return min(limit, 2 * MAX_NUMBER)


FallbackName = Literal["personal", "session", "segment", "popular"]
_ID_TEXT = StringConstraints(min_length=1, max_length=MAX_ID, pattern=r"^[^\x00-\x1f\x7f]+$")
Id = Annotated[
    str,
    _ID_TEXT,
    BeforeValidator(normalized_id, json_schema_input_type=Annotated[str, _ID_TEXT] | int),
]
Text = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]
Time = Annotated[
    int,
    BeforeValidator(_milliseconds, json_schema_input_type=str | int),
    Field(ge=EARLIEST_MS, le=LATEST_MS, description="ISO 8601 (UTC when it has no offset) or Unix milliseconds"),
]
QueryTime = Annotated[Time, BeforeValidator(_number_of_digits, json_schema_input_type=str | int)]
EndTime = Annotated[Time, BeforeValidator(_end_of_day, json_schema_input_type=str | int)]
NonNegative = Annotated[FiniteFloat, Field(ge=0, le=MAX_NUMBER)]
RowLimit = Annotated[FiniteFloat, Field(ge=0), AfterValidator(_capped)]
Names = Annotated[list[Text], Field(max_length=MAX_NAMES), AfterValidator(_sorted_set)]
FieldsIn = Annotated[
    list[FaceField],
    Field(max_length=len(FACE_FIELDS), description="what each item shows besides, in its `fields`"),
    AfterValidator(sorted_fields),
]
AttributeIn = bool | FiniteFloat | Text | list[Text] | None
Attributes = Annotated[dict[Text, AttributeIn], Field(max_length=200)]


class In(BaseModel):
    """Base of request models: a misspelt field is an error, and text is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ProofOut(BaseModel):
    """Social proof: at least so many other customers bought the item in so many days before the release."""

    at_least: int = Field(description="rounded down to 20, 50, 100, 200, …")
    days: int


class FaceOut(BaseModel):
    """The fields that were named, null where unknown.  Text is the shop's own and no HTML: escape it."""

    price: float | None = Field(default=None, description="what the shop asks")
    image: str | None = Field(default=None, description="the attribute `image`; null unless http(s):// or /path")
    brand: str | None = None
    url: str | None = Field(default=None, description="the attribute `url`; null unless http(s):// or /path")
    until: int | None = Field(default=None, description="end of the sale, Unix milliseconds")
    left: float | None = Field(default=None, description="units in stock, where they are counted")
    proof: ProofOut | None = Field(default=None, description="null below 20 other customers")


class ErrorDetail(BaseModel):
    """What went wrong, and what to do."""

    code: str
    message: str
    details: list[Any]


class ErrorOut(BaseModel):
    """Every error has this shape."""

    error: ErrorDetail

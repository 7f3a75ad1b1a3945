"""Audience schemas: the customers most likely to buy, and lookalikes of a customer."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.common import FaceOut, FieldsIn, In
from recsys.ranking.filters.schema import WhereIn
from recsys.ranking.segments.document import SegmentName

MAX_AUDIENCE = 10_000
DEFAULT_DAYS = 28.0


class AudienceIn(In):
    """The items of the audience: all items on sale that pass the filter."""

    where: WhereIn
    fields: FieldsIn = Field(default=[])
    limit: int = Field(default=100, ge=1, le=MAX_AUDIENCE, description="most customers wanted")
    customers: dict[str, Any] | None = Field(
        default=None, description="only customers who pass this condition; see docs/customers.md"
    )
    segment: SegmentName | None = Field(default=None, description="only members of this saved segment")
    days: float = Field(default=DEFAULT_DAYS, ge=7, le=28, description="the horizon of the chances, in days")
    channel: str | None = Field(default=None, max_length=100, description="without those who refused marketing over it")


class FanOut(BaseModel):
    """A customer and the item they are most likely to buy; the score is its chance within `days`."""

    user_id: str
    score: float
    item_id: str
    source: Literal["buy_again", "discover", "new_arrivals"] = Field(
        description="bought before; never bought; not known to any model yet, so the score is the share of its kind"
    )
    fields: FaceOut | None = Field(default=None, description="only with `fields`: those that were named")


class AudienceOut(BaseModel):
    """Best first, without customers who refused marketing."""

    customers: list[FanOut]
    model_version: str


class TwinOut(BaseModel):
    """A customer, the similarity of their purchases (0 to 1), and items that both have bought."""

    user_id: str
    likeness: float
    shared: list[str]


class TwinsOut(BaseModel):
    """The most similar first; none for a customer without known purchases."""

    customers: list[TwinOut]
    model_version: str

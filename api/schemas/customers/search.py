"""Customer search schemas: which customers, in which order, and which of their figures."""

from typing import Any

from pydantic import BaseModel, Field

from api.schemas.common import In
from recsys.ranking.segments.document import SegmentName

MOST_FOUND = 1_000


class CustomersSearchIn(In):
    """All customers, those who pass a condition, or those of a saved segment."""

    where: dict[str, Any] | None = Field(default=None, description="a condition on customers; see docs/customers.md")
    segment: SegmentName | None = None
    order: str = Field(default="money", max_length=100, description="figure to order by, the highest first")
    fields: list[str] = Field(default=[], max_length=100, description="figures wanted; all when empty")
    limit: int = Field(default=50, ge=1, le=MOST_FOUND)
    reverse: bool = Field(default=False, description="the other way round: the lowest first")
    offset: int = Field(default=0, ge=0, description="how many of the first ones to leave out")


class CustomersFoundOut(BaseModel):
    """A page of customers with their figures, which docs/bundle-format.md describes; `as_of` in Unix ms.

    customers: how many there are in all, null below 20.
    """

    customers: int | None
    as_of: int
    rows: list[dict[str, Any]]
    model_version: str

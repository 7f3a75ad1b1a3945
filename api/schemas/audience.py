"""Customers as an answer: whom an item is for, and who shops like whom."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import In
from recsys.ranking.filters.schema import WhereIn

MAX_AUDIENCE = 10_000


class AudienceIn(In):
    """The items by what they are: all on sale that pass the conditions."""

    where: WhereIn
    limit: int = Field(default=100, ge=1, le=MAX_AUDIENCE, description="most customers wanted")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"where": {"brand": "Acme", "price": {"lt": 20}}, "limit": 500}]}
    )


class FanOut(BaseModel):
    """A customer and the item they are most likely to buy; the score is the chance of it, as in lists of `home`."""

    user_id: str
    score: float
    item_id: str
    source: Literal["buy_again", "discover", "new_arrivals"] = Field(
        description="bought before; never bought; not known to any model yet, so the score is the share of its kind"
    )


class AudienceOut(BaseModel):
    """Best first, without those who said no to being told."""

    customers: list[FanOut]
    model_version: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customers": [{"user_id": "1", "score": 0.31, "item_id": "995242", "source": "buy_again"}],
                    "model_version": "20260101T040000Z-3f9a",
                }
            ]
        }
    )


class TwinOut(BaseModel):
    """A customer, how alike their purchases are (0 to 1), and what both have bought."""

    user_id: str
    likeness: float
    shared: list[str]


class TwinsOut(BaseModel):
    """The most alike first; none for a customer of whom nothing is known."""

    customers: list[TwinOut]
    model_version: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customers": [{"user_id": "7", "likeness": 0.44, "shared": ["995242"]}],
                    "model_version": "20260101T040000Z-3f9a",
                }
            ]
        }
    )

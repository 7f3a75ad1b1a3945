"""Audience schemas: the customers most likely to buy, and lookalikes of a customer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import In
from recsys.ranking.filters.schema import WhereIn

MAX_AUDIENCE = 10_000


class AudienceIn(In):
    """The items of the audience: all items on sale that pass the filter."""

    where: WhereIn
    limit: int = Field(default=100, ge=1, le=MAX_AUDIENCE, description="most customers wanted")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"where": {"brand": "Acme", "price": {"lt": 20}}, "limit": 500}]}
    )


class FanOut(BaseModel):
    """A customer and the item they are most likely to buy; the score is its probability, as in lists of `home`."""

    user_id: str
    score: float
    item_id: str
    source: Literal["buy_again", "discover", "new_arrivals"] = Field(
        description="bought before; never bought; not known to any model yet, so the score is the share of its kind"
    )


class AudienceOut(BaseModel):
    """Best first, without customers who refused marketing."""

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
    """A customer, the similarity of their purchases (0 to 1), and items that both have bought."""

    user_id: str
    likeness: float
    shared: list[str]


class TwinsOut(BaseModel):
    """The most similar first; none for a customer without known purchases."""

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

"""Rank schemas: a list of items that the shop sends, and the same list in order."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.common import MAX_NAMES, Attributes, FaceOut, FallbackName, FieldsIn, Id, In, Text
from api.schemas.recommendations import MAX_SESSION, SessionEvent


class RankIn(In):
    """The items to rank, and the customer.  Unknown ids are no error; the answer lists them."""

    items: list[Id] = Field(min_length=1, max_length=MAX_NAMES, description="items to rank; a repeated one counts once")
    user_id: Id | None = Field(default=None, description="the customer; none for an anonymous visitor")
    session: list[Id | SessionEvent] = Field(
        [], max_length=MAX_SESSION, description="what the visitor did, oldest first"
    )
    context: list[Id] = Field([], max_length=MAX_SESSION, description="items looked at or in the basket")
    placement: Text = Field(default="home", description="whose order to use; `home` ranks by purchase probability")
    model: Text | None = Field(default=None, description="a model that ranks instead of the placement")
    sinks: bool = Field(default=True, description="puts items that cannot be bought or were dismissed at the end")
    attributes: Attributes = Field(default={}, description="attributes of a customer without a history")
    fields: FieldsIn = Field(default=[])


class RankedOut(BaseModel):
    """One ranked item.  Scores compare within a source only; those of `buy_again` and `discover` are probabilities."""

    item_id: str
    name: str | None
    score: float
    rank: int
    source: str
    status: Literal["ok", "held_back", "unavailable"] = Field(
        description="held_back: dismissed, viewed, or owned where only new items are shown; unavailable: not for sale"
    )
    fields: FaceOut | None = Field(default=None, description="only with `fields`: those that were named")


class RankingOut(BaseModel):
    """Every known item once, best first, and the unknown ids."""

    items: list[RankedOut]
    unknown: list[str]
    placement: str
    model_version: str
    fallback: FallbackName

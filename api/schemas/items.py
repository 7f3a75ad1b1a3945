"""Item schemas: the fields of an item, bulk updates, and the stored item."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.common import Attributes, EndTime, Id, In, NonNegative, Text, Time


class ItemFields(In):
    """The fields of an item.  Stock that is left out or null is not counted, so the item is in stock."""

    name: Text | None = None
    category: Text | None = None
    brand: Text | None = None
    price: NonNegative | None = None
    stock: NonNegative | None = Field(default=None, description="0 is sold out: gone from the next answer")
    available_from: Time | None = None
    available_until: EndTime | None = Field(default=None, description="a day alone lasts to its end (UTC)")
    attributes: Attributes = Field(default={})
    cost: NonNegative | None = Field(default=None, description="what one unit costs the shop; no list shows it")


class ItemIn(ItemFields):
    """An item in bulk."""

    item_id: Id


class ItemsIn(In):
    """Several items in one request; each replaces the stored item."""

    items: list[ItemIn]


class ItemOut(BaseModel):
    """An item as it is stored.  Times are Unix milliseconds UTC.

    known_from: `events` when it was bought or viewed but never described: then all other fields are null.
    """

    item_id: str
    name: str | None
    category: str | None
    brand: str | None
    price: float | None
    stock: float | None
    available_from: int | None
    available_until: int | None
    attributes: dict[str, Any]
    cost: float | None
    known_from: Literal["catalogue", "events"]


class MatchingItemOut(BaseModel):
    """An item of a search."""

    item_id: str
    name: str | None
    category: str | None
    brand: str | None
    price: float | None
    is_listed: bool


class ItemsFoundOut(BaseModel):
    """The best of `total` items that match."""

    total: int
    items: list[MatchingItemOut]


class StoredOut(BaseModel):
    """The number of items that were stored, and the revision of the catalogue after that."""

    stored: int
    revision: int

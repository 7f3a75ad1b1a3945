"""Item schemas: fields, bulk updates and what is stored."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import AttributeIn, Id, In, NonNegative, Text, Time


class ItemFields(In):
    """What can be said of an item.  Stock left out or null is not counted, so in stock."""

    name: Text | None = None
    category: Text | None = None
    brand: Text | None = None
    price: NonNegative | None = None
    stock: NonNegative | None = Field(default=None, description="0 is sold out: gone from the next answer")
    available_from: Time | None = None
    available_until: Time | None = None
    attributes: Annotated[dict[Text, AttributeIn], Field(max_length=200)] = Field(default={})

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Oat milk", "category": "DAIRY", "price": 2.19, "stock": 40}]}
    )


class ItemIn(ItemFields):
    """An item in bulk."""

    item_id: Id

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"item_id": "995242", "name": "Oat milk", "price": 2.19}]}
    )


class ItemsIn(In):
    """Several items in one request; each replaces what was known of it."""

    items: list[ItemIn]


class ItemOut(BaseModel):
    """An item as it is stored.  Times are Unix milliseconds UTC.

    known_from: `events` where it was bought or looked at and nothing else was ever said of it: then all else is null.
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
    known_from: Literal["catalogue", "events"]


class StoredOut(BaseModel):
    """How many items were stored, and the catalogue's revision with them."""

    stored: int
    revision: int

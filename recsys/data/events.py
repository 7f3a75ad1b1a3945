"""Events of the shop, kept in its append-only event log."""

import hashlib
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import polars as pl

    EVENT_SCHEMA: dict[str, type[pl.DataType]]


class Kind(IntEnum):
    """Kind of an event.  The numbers are stored: never change one, only add."""

    VIEW = 1
    CLICK = 2
    CART = 3
    WISHLIST = 4
    PURCHASE = 5
    RETURN = 6
    RATING = 7
    IMPRESSION = 8
    DISMISS = 9


# As plain numbers: to compare an array with an enum takes five times as long, in every request.
PURCHASE, RETURN, RATING, DISMISS = (int(kind) for kind in (Kind.PURCHASE, Kind.RETURN, Kind.RATING, Kind.DISMISS))

OWNED_KINDS = (Kind.PURCHASE, Kind.RATING)  # the customer has the item, or knows it well enough to rate it

BROWSER_PREFIX = "browser/"  # of the ids of events that a browser's key sent: nobody vouches for their customers

KIND_BY_NAME = {kind.name.lower(): kind for kind in Kind}


class Event(NamedTuple):
    """One event.  `at_ms` is Unix milliseconds UTC; `rating` is only for RATING.

    price: what the customer paid for one unit, after every discount.  discount: money taken off the whole line, so
    that price * quantity + discount is its money before.  coupon: its code.  campaign: what led to the event.
    """

    event_id: str
    user_id: str
    item_id: str
    kind: int
    at_ms: int
    quantity: float = 1.0
    price: float | None = None
    order_id: str | None = None
    rating: float | None = None
    channel: str | None = None
    request_id: str | None = None
    discount: float | None = None
    coupon: str | None = None
    campaign: str | None = None


class Correction(NamedTuple):
    """An event in place of the stored one with the id `old_id`; its own id may be another one."""

    old_id: str
    event: Event


def __getattr__(name: str) -> Any:
    """EVENT_SCHEMA, made at its first use: the service reads events without the memory that polars takes."""
    if name != "EVENT_SCHEMA":
        raise AttributeError(name)
    import polars as pl

    globals()[name] = schema = frame_schema(Event) | {"kind": pl.Int8}
    return schema


def frame_schema(row: type) -> "dict[str, type[pl.DataType]]":
    """The types of the columns of a frame for the fields of a named tuple: integers, numbers, else texts."""
    import polars as pl

    types: dict[object, type[pl.DataType]] = {int: pl.Int64, float: pl.Float64, float | None: pl.Float64}
    return {name: types.get(kind, pl.String) for name, kind in row.__annotations__.items()}


def content_id(event: Event, ordinal: int = 0) -> str:
    """An event_id for an event without one: equal content gives the same id.  `ordinal` counts equal events.

    The id begins with the time, so that events in order of time are neighbours in the index, which fills it fast.
    """
    key = "\x1f".join(
        (event.user_id, event.item_id, str(event.kind), str(event.at_ms), event.order_id or "", str(ordinal))
    )
    return f"{event.at_ms:012x}{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}"

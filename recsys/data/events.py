"""Events of the shop, kept in its append-only event log."""

import hashlib
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import compress
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


class Activity(NamedTuple):
    """What one customer did: N events in order of `seq`, a column for each field of `Event` of that name."""

    item_id: Sequence[str]
    kind: Sequence[int]
    at_ms: Sequence[int]
    quantity: Sequence[float]
    price: Sequence[float | None]
    order_id: Sequence[str | None]
    request_id: Sequence[str | None]
    discount: Sequence[float | None]

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> "Activity":
        return cls.from_rows([tuple(getattr(event, name) for name in cls._fields) for event in events])

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[Any, ...]]) -> "Activity":
        """From one row for each event, in the order of the fields."""
        return cls(*zip(*rows, strict=True)) if rows else cls(*[()] * len(cls._fields))

    def where(self, kept: Sequence[bool]) -> "Activity":
        """Some of the events.  kept (N,)"""
        return self if all(kept) else Activity._make(tuple(compress(column, kept)) for column in self)

    def events(self) -> list[Event]:
        """As events, whose other fields are empty, in order of time."""
        rows = (dict(zip(self._fields, row, strict=True)) for row in zip(*self, strict=True))
        return sorted((Event("", "", **row) for row in rows), key=lambda event: event.at_ms)


ACTIVITY_FIELDS = ", ".join(Activity._fields)


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

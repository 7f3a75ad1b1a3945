"""Event schemas: events of the shop, and the verdict on each."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, FiniteFloat

from api.schemas.common import Id, In, KindName, NonNegative, Time
from recsys.data.events import KIND_BY_NAME
from recsys.data.store.validation import MAX_ID, MAX_NUMBER, MAX_RATING


class EventIn(In):
    """Something that happened in the shop.  An event that is sent twice with one event_id is stored once.

    Another event with that id is a conflict and is not stored.
    """

    event_id: Id | None = Field(default=None, description="made from the content when `at` is given, else at random")
    user_id: Id
    item_id: Id
    kind: KindName
    at: Time | None = Field(default=None, description="now when left out; not more than 5 minutes ahead")
    quantity: Annotated[FiniteFloat, Field(gt=0, le=MAX_NUMBER)] = 1.0
    price: NonNegative | None = Field(default=None, description="what the customer paid for one unit")
    order_id: Id | None = None
    rating: Annotated[FiniteFloat, Field(ge=-MAX_RATING, le=MAX_RATING)] | None = Field(
        default=None, description="only with kind `rating`"
    )
    channel: Id | None = None
    request_id: Id | None = Field(default=None, description="of the answer that showed the item")
    discount: NonNegative | None = Field(
        default=None, description="money taken off the whole line; `price` is what was paid, after it"
    )
    coupon: Id | None = Field(default=None, description="the code of the coupon that was redeemed")
    campaign: Id | None = Field(default=None, description="the campaign that led to the event")


class EventsIn(In):
    """Several events in one request."""

    events: list[EventIn]


class VerdictOut(BaseModel):
    """The verdict on one event; `index` is its position in the request, from 0.

    Duplicate: the same event was stored before.  Conflict: another event with this id was, so this one is not stored;
    the reason names the fields that differ.  Withheld: the customer does not consent to personalisation, and the event
    is not stored.
    """

    index: int
    event_id: str | None
    verdict: Literal["accepted", "duplicate", "conflict", "withheld", "rejected"]
    reason: str | None = None


class VerdictsOut(BaseModel):
    """The verdicts on all events.  Accepted events are durable."""

    accepted: int
    duplicate: int
    conflict: int
    withheld: int
    rejected: int
    events: list[VerdictOut]


_FIRST_MS, _END_MS = 10**12, 4 * 10**12  # years 2001 to 2096: neither seconds nor out of the schema's range
_REQUIRED: Final = frozenset(name for name, field in EventIn.model_fields.items() if field.is_required())
_DEFAULTS: Final = {name: field.default for name, field in EventIn.model_fields.items() if name not in _REQUIRED}


def _is_id(value: object) -> bool:
    """Text of visible ASCII signs: nothing in it is to be stripped, composed or refused."""
    return (
        type(value) is str and value.isascii() and value.isprintable() and " " not in value and 0 < len(value) <= MAX_ID
    )


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("event_id", "user_id", "item_id", "order_id"), _is_id),
    "kind": lambda value: type(value) is str and value in KIND_BY_NAME,
    "at": lambda value: type(value) is int and _FIRST_MS <= value < _END_MS,
    "quantity": lambda value: type(value) is float and 0 < value <= MAX_NUMBER,
    "price": lambda value: type(value) is float and 0 <= value <= MAX_NUMBER,
}


def plain_fields(entry: object) -> dict[str, Any] | None:
    """The fields that `EventIn` makes of a plain entry, which is left as it is; None for one that it has to check.

    A shop sends nearly nothing else, and the schema takes two thirds of the time of checking an event.
    """
    if type(entry) is not dict or not entry.keys() >= _REQUIRED:
        return None
    for name, value in entry.items():
        check = _CHECKS.get(name)
        if check is None or not check(value):
            return None
    return {**_DEFAULTS, **entry}

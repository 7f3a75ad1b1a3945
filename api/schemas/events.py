"""Event schemas: events of the shop, and the verdict on each."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, FiniteFloat

from api.schemas.common import Id, In, KindName, NonNegative, Time
from recsys.data.store.validation import MAX_NUMBER, MAX_RATING


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

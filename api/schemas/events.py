"""Event schemas: what happened in the shop, and the result for each event."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from api.schemas.common import Id, In, KindName, NonNegative, Time
from recsys.data.store.validation import MAX_NUMBER, MAX_RATING


class EventIn(In):
    """Something that happened.  Sent twice with one event_id, it is stored once."""

    event_id: Id | None = Field(default=None, description="made from the content when `at` is given, else at random")
    user_id: Id
    item_id: Id
    kind: KindName
    at: Time | None = Field(default=None, description="now when left out; not more than 5 minutes ahead")
    quantity: Annotated[FiniteFloat, Field(gt=0, le=MAX_NUMBER)] = 1.0
    price: NonNegative | None = Field(default=None, description="what one unit cost the customer")
    order_id: Id | None = None
    rating: Annotated[FiniteFloat, Field(ge=-MAX_RATING, le=MAX_RATING)] | None = Field(
        default=None, description="only with kind `rating`"
    )
    channel: Id | None = None
    request_id: Id | None = Field(default=None, description="of the answer that showed the item")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": "1", "item_id": "995242", "kind": "purchase", "quantity": 2, "price": 1.5}]
        }
    )


class EventsIn(In):
    """Several events in one request."""

    events: list[EventIn]


class VerdictOut(BaseModel):
    """What became of one event; `index` is its place in the request, from 0.

    Withheld: the customer does not consent to personalisation, and nothing of the event is kept.
    """

    index: int
    event_id: str | None
    verdict: Literal["accepted", "duplicate", "withheld", "rejected"]
    reason: str | None = None


class VerdictsOut(BaseModel):
    """Accepted ones are durable."""

    accepted: int
    duplicate: int
    withheld: int
    rejected: int
    events: list[VerdictOut]

"""Promotion schemas: the stored promotions, their versions, and the offers of one customer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.common import Id, In
from api.schemas.customers.segments import SegmentVersionOut
from recsys.promotions.document import PromotionsIn
from recsys.promotions.model import PromotionKind
from recsys.versioned_toml.document import MOST_BYTES

PromotionState = Literal["off", "planned", "running", "ended"]


class PromotionsOut(BaseModel):
    """The stored promotions.  `digest` names the text and is its `etag`."""

    digest: str
    promotions: list[dict[str, Any]]
    toml: str


class PromotionVersionsOut(BaseModel):
    """Newest first."""

    versions: list[SegmentVersionOut]


class RankedOfferOut(BaseModel):
    """One offer.  `chance`: that the customer takes it; `margin`: of the shop when they do, after the `discount`;
    `value`: chance x margin - cost.  `item_id`: what they buy of it most likely.  `assumption`: about unknown costs.

    Without personal data `chance`, `margin`, `discount` and `value` are null.
    """

    promotion_id: str
    title: str
    kind: str
    chance: float | None
    margin: float | None
    discount: float | None
    cost: float
    value: float | None
    item_id: str | None
    until_ms: int | None
    assumption: str | None


class LeftOutOut(BaseModel):
    """A running promotion that is no offer now, and why."""

    promotion_id: str
    reason: str


class OffersOut(BaseModel):
    """Offers within `days`, best first.  `note`: why they are not personal, or none."""

    days: float
    offers: list[RankedOfferOut]
    left_out: list[LeftOutOut]
    note: str | None
    model_version: str


class PromotionsTryIn(In):
    """Promotions to try, as text in `toml` or as JSON in `promotions`, and a customer whose offers are wanted."""

    toml: Annotated[str, StringConstraints(max_length=MOST_BYTES)] | None = None
    promotions: PromotionsIn | None = None
    user_id: Id | None = None
    days: Annotated[float, Field(ge=7, le=28, description="horizon of the chances, in days")] = 28.0


class TriedPromotionOut(BaseModel):
    """One promotion of the text.  `change`: against the stored ones.  `items`: how many of the catalogue it covers."""

    id: str
    title: str
    kind: PromotionKind
    state: PromotionState
    change: Literal["new", "changed", "same"]
    items: int | None


class PromotionsTryOut(BaseModel):
    """What the text would mean: its promotions, the stored ones that it leaves out, and the customer's offers by it."""

    promotions: list[TriedPromotionOut]
    removed: list[str]
    offers: OffersOut | None

"""Promotion schemas: the stored promotions, their versions, and the offers of one customer."""

from typing import Any

from pydantic import BaseModel

from api.schemas.customers.segments import SegmentVersionOut


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

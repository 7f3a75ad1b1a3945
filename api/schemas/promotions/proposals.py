"""Proposal schemas: uses of promotions, bundles, up-sell, offers by stage and value, effects, loyalty."""

from typing import Any

from pydantic import BaseModel

from recsys.promotions.effect_report import EffectReport


class PromotionUseOut(BaseModel):
    """One promotion.  `state`: off, planned, running or ended; `spent`: discounts redeemed and costs; `left`: null
    without a budget; `without_money`: redemptions whose fact says no money."""

    id: str
    title: str
    kind: str
    state: str
    until: str | None
    budget: float | None
    given: int
    redeemed: int
    spent: float
    left: float | None
    without_money: int


class PromotionUsesOut(BaseModel):
    """In the order of the file."""

    promotions: list[PromotionUseOut]


class BundleOut(BaseModel):
    """Two items at `price` together.  `baskets`: with both; `profit`: kept of one bundle; `total`: of all these
    baskets; `break_even`: by which share more must be sold, so that the discount pays."""

    items: list[str]
    baskets: int
    lift: float
    price: float
    discount: float
    profit: float
    total: float
    break_even: float


class BundlesOut(BaseModel):
    """`n_bundles`: how many pairs still earn, of which these leave most.  `assumption`: about unknown costs."""

    percent: float
    assumption: str | None
    n_bundles: int
    bundles: list[BundleOut]


class UpsellItemOut(BaseModel):
    """`gain`: margin more than that of the item; `share`: of purchases of the dearer items; `value`: share x gain."""

    item_id: str
    price: float
    gain: float
    share: float
    value: float


class UpsellOut(BaseModel):
    """Dearer items of the `type` of the item; null: it has none, and nothing can be said."""

    item_id: str
    type: str | None
    assumption: str | None
    items: list[UpsellItemOut]


class OfferCellOut(BaseModel):
    """`customers`: null for fewer than 20; `where`: the audience of the cell, a condition of segments."""

    stage: str
    value_class: str
    offer: str
    customers: int | None
    where: dict[str, Any]


class OfferTableOut(BaseModel):
    """A cell for each stage and class of value."""

    cells: list[OfferCellOut]


class PromotionEffectOut(EffectReport):
    """As it was found at `made_at` (Unix ms); what is promoted is chosen by people, so it is no experiment."""


class CouponResponsesOut(BaseModel):
    """`auc` and `lift` of the best tenth on the later campaign; `drivers`: feature and weight, the strongest first."""

    learnt_on: str
    judged_on: str
    customers: int
    responders: int
    auc: float
    lift: float
    top_share: float
    drivers: list[tuple[str, float]]


class TierOut(BaseModel):
    """`customers`, `least` (the lowest balance): null for fewer than 20."""

    tier: str
    customers: int | None
    least: float | None


class NearTierOut(BaseModel):
    """A customer who lacks so many points to the tier."""

    user_id: str
    balance: float
    tier: str
    missing: float


class LoyaltyOut(BaseModel):
    """The programme now; null for fewer than 20 members.  `share`: members among those who bought; `redemption`:
    points spent per point earned; `near`: within so many points of the next tier, the nearest first."""

    members: int | None
    share: float | None
    earned: float | None
    spent: float | None
    redemption: float | None
    tiers: list[TierOut]
    within: float
    near: list[NearTierOut]

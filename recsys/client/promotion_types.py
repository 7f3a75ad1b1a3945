"""Types of promotions: the stored ones, their versions, and the offers of a customer."""

from typing import Any

from recsys.client.customer_types import SegmentVersion
from recsys.client.types import ResponseModel


class ShopPromotions(ResponseModel):
    """The stored promotions; `digest` names the text."""

    digest: str
    promotions: tuple[dict[str, Any], ...]
    toml: str


class PromotionVersions(ResponseModel):
    """All versions, the newest first."""

    versions: tuple[SegmentVersion, ...]


class CustomerOffer(ResponseModel):
    """One offer; value is chance x margin - cost.  None: nothing of the customer may be used, or is known."""

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


class Offers(ResponseModel):
    """Offers within `days`, best first; `left_out` says which running promotions are none, and why."""

    days: float
    offers: tuple[CustomerOffer, ...]
    left_out: tuple[dict[str, str], ...]
    note: str | None
    model_version: str


class PromotionUses(ResponseModel):
    """The promotions in the order of the file: state, given, redeemed, spent, left."""

    promotions: tuple[dict[str, Any], ...]


class Bundles(ResponseModel):
    """Pairs to sell together, by what they leave in all; `n_bundles` still earn.  assumption: about unknown costs."""

    percent: float
    assumption: str | None
    n_bundles: int
    bundles: tuple[dict[str, Any], ...]


class Upsell(ResponseModel):
    """Dearer items of the same `type`, None where the item has none."""

    item_id: str
    type: str | None
    assumption: str | None
    items: tuple[dict[str, Any], ...]


class OfferTable(ResponseModel):
    """A cell for each stage and class of value; customers are None for fewer than 20."""

    cells: tuple[dict[str, Any], ...]


class PromotionEffect(ResponseModel):
    """The factor of each flag with its interval, as found at `made_at` (Unix ms)."""

    made_at: int
    file: str
    items: int
    stores: int
    purchases: int
    effects: tuple[dict[str, Any], ...]


class CouponResponses(ResponseModel):
    """How well a model of one campaign finds those who redeem in a later one."""

    learnt_on: str
    judged_on: str
    customers: int
    responders: int
    auc: float
    lift: float
    top_share: float
    drivers: tuple[tuple[str, float], ...]


class Loyalty(ResponseModel):
    """The programme now; None for fewer than 20 members.  near: customers within so many points of the next tier."""

    members: int | None
    share: float | None
    earned: float | None
    spent: float | None
    redemption: float | None
    tiers: tuple[dict[str, Any], ...]
    within: float
    near: tuple[dict[str, Any], ...]


class PromotionTrial(ResponseModel):
    """What promotions would mean.  removed: ids of stored ones that they leave out.  offers: of the customer."""

    promotions: tuple[dict[str, Any], ...]
    removed: tuple[str, ...]
    offers: Offers | None

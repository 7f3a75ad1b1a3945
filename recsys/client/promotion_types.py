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

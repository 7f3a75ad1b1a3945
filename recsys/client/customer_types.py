"""Types of customers: the card of one, needs, the sums of all, audiences and look-alikes."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from recsys.client.types import Attribute, ResponseModel


class FoundCustomers(ResponseModel):
    """A page of customers with their figures as of `as_of` (Unix ms); customers: of all pages, None below 20."""

    customers: int | None
    as_of: int
    rows: tuple[dict[str, Any], ...]
    model_version: str


class ShopSegments(ResponseModel):
    """The saved segments; `digest` names the text."""

    digest: str
    segments: tuple[dict[str, Any], ...]
    toml: str


class SegmentVersion(ResponseModel):
    """A text of segments that was accepted."""

    version: int
    digest: str
    at: str


class SegmentVersions(ResponseModel):
    """All versions, the newest first."""

    versions: tuple[SegmentVersion, ...]


class SegmentTrial(ResponseModel):
    """A segment as of `as_of` (Unix ms); see docs/customers.md.  None: fewer than 20 customers."""

    customers: int | None
    share: float | None
    revenue: float | None
    revenue_share: float | None
    as_of: int
    reach: tuple[dict[str, Any], ...]
    overlap: tuple[dict[str, Any], ...]
    seconds: float
    reason: str | None


class CustomerCard(ResponseModel):
    """Who a customer is at `as_of` (Unix ms); what is None is not known, and `unknown` says why, by its path."""

    user_id: str
    merged_ids: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    consent: Mapping[str, Any]
    model_version: str
    as_of: int
    since: dict[str, int | None] | None
    recency: dict[str, float | None] | None
    frequency: dict[str, int | None] | None
    money: dict[str, float | None] | None
    rfm: dict[str, Any] | None
    abc: dict[str, Any] | None
    stage: dict[str, str | None] | None
    rhythm: dict[str, Any] | None
    contact_time: dict[str, Any] | None
    taste: dict[str, Any] | None
    value: dict[str, Any] | None
    churn: dict[str, Any] | None
    needs: tuple[dict[str, Any], ...] | None
    contacts: dict[str, Any] | None
    campaigns: tuple[dict[str, Any], ...] | None = None
    offers: tuple[dict[str, str | None], ...] | None
    shown: dict[str, Any] | None
    unknown: dict[str, str]


class Need(ResponseModel):
    """An item that a customer buys again and again, and the chance of a purchase; dates are UTC."""

    item_id: str
    name: str | None
    chance: float
    due: str
    expected: str
    last_bought: str
    gap_days: float
    fields: dict[str, Any] | None = None


class Needs(ResponseModel):
    """What a customer will likely buy again within `days` from `as_of` (Unix ms); `unknown` says why there is none."""

    as_of: int
    days: int
    horizons: tuple[int, ...]
    needs: tuple[Need, ...]
    unknown: str | None
    model_version: str


class CustomerChange(ResponseModel):
    """A customer who changed: of `stage`, `value` or `reminder`, where `to` is the item and `before` is None."""

    user_id: str
    change: str
    before: str | None = Field(alias="from")
    to: str
    on: str


class CustomerChanges(ResponseModel):
    """A page of changes from `since` until `as_of` (Unix ms), of `total`."""

    since: int
    as_of: int
    total: int
    offset: int
    changes: tuple[CustomerChange, ...]
    model_version: str


class CustomerSums(ResponseModel):
    """Sums of all customers at `as_of` (Unix ms); None where a part has fewer than 20 customers."""

    as_of: int
    customers: int | None
    buyers: int | None
    revenue: float | None
    quantiles: dict[str, dict[str, float] | None]
    rfm_grid: tuple[dict[str, float | None], ...]
    groups: tuple[dict[str, Any], ...]
    short_groups: tuple[dict[str, Any], ...]
    abc: tuple[dict[str, Any], ...]
    stages: tuple[dict[str, Any], ...]
    flow: dict[str, Any]
    value_classes: tuple[dict[str, Any], ...] | None
    value_flow: dict[str, Any] | None
    concentration: dict[str, Any] | None


class Fan(ResponseModel):
    """A customer, the item they are most likely to buy, and its probability."""

    user_id: str
    score: float
    item_id: str
    source: str
    fields: dict[str, Any] | None = None


class Audience(ResponseModel):
    """Customers, the most likely to buy first."""

    customers: tuple[Fan, ...]
    model_version: str


class Twin(ResponseModel):
    """A customer, the similarity of their purchases, and items that both have bought."""

    user_id: str
    likeness: float
    shared: tuple[str, ...]


class Twins(ResponseModel):
    """Customers, the most similar first."""

    customers: tuple[Twin, ...]
    model_version: str

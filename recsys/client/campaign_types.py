"""Types of campaigns: what was planned, the plan of a draw, and the list of the treated."""

from typing import Any

from pydantic import Field

from recsys.client.types import ResponseModel


class Campaign(ResponseModel):
    """A campaign; `status` is draft, drawn, running or closed, `draw` what its draw counted, None before it."""

    id: str
    name: str
    goal: str
    audience: dict[str, Any]
    offer: dict[str, Any]
    channel: str
    purpose: str
    consent: str
    cost_per_contact: float
    budget: float | None
    starts: str
    reading: str
    control_share: float
    effect: float
    priority: int
    salt: str
    status: str
    made_at: int
    closed_at: int | None
    draw: dict[str, Any] | None
    is_new: bool | None = None


class Campaigns(ResponseModel):
    """All campaigns, the latest start first."""

    campaigns: tuple[Campaign, ...]


class Mailing(ResponseModel):
    """A campaign without a plan, known by its messages since `sent` (Unix ms); customers: None below 20."""

    campaign: str
    channel: str | None
    sent: int
    customers: int | None


class Mailings(ResponseModel):
    """The newest first, at most 1,000."""

    mailings: tuple[Mailing, ...]


class CampaignPlan(ResponseModel):
    """What a draw would be now; `losses` by rule, `power` with its advice."""

    campaign: dict[str, Any]
    audience: int
    losses: dict[str, int]
    eligible: int
    expected_treated: int
    expected_control: int
    expected_cost: float
    power: dict[str, Any]
    note: str | None = None
    earlier: dict[str, Any] | None = None
    contact_times: dict[str, Any] | None = None


class CampaignResult(ResponseModel):
    """What a campaign changed; `effects` are money per customer by estimate, `proof` why nothing is proved.

    It counts from `from_ms` to `to` (Unix ms).
    """

    campaign: str
    verdict: str
    proof: str | None
    as_of: int
    from_ms: int = Field(alias="from")
    to: int
    treated: int
    control: int
    effects: dict[str, dict[str, Any]]
    sample_ratio: dict[str, Any] | None = None
    margin: dict[str, Any] | None = None
    cost: float = 0.0
    net: dict[str, Any] | None = None
    conversion: dict[str, Any] | None = None
    response: dict[str, int | None] | None = None
    segments: tuple[dict[str, Any], ...] = ()
    segments_hidden: int = 0
    left_out: tuple[str, ...] = ()
    coupons: dict[str, Any] | None = None


class Treated(ResponseModel):
    """The treated who may still be written to, by the columns of the layout."""

    campaign: str
    layout: str
    customers: int
    withdrawn: int
    no_address: int
    notes: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    pages: int

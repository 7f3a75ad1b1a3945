"""Campaign schemas: what a draw and an export are asked for, and what campaigns show of themselves."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.common import In


class CampaignDrawIn(In):
    """force: draws also where too few customers are left to see the effect."""

    force: bool = False


class CampaignExportIn(In):
    """The treated as `json`, or as the file of one of the other formats; or to the signed webhook of `[notify]`."""

    layout: Literal["plain", "mailchimp", "brevo", "klaviyo"] = "plain"
    format: Literal["json", "csv", "jsonl", "parquet"] = "json"
    webhook: bool = Field(default=False, description="signed messages instead of a list in the answer")


class CampaignOut(BaseModel):
    """A campaign as it was planned, with its state; times of `made_at`, `closed_at` are Unix ms.

    `draw` is null before the draw; it holds audience, losses, eligible, treated, control and power, and never changes.
    """

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
    status: Literal["draft", "drawn", "running", "closed"]
    made_at: int
    closed_at: int | None
    draw: dict[str, Any] | None


class CampaignsOut(BaseModel):
    """All campaigns, the latest start first."""

    campaigns: list[CampaignOut]


class MailingOut(BaseModel):
    """A campaign without a plan, known by its messages; `sent` is the first one, `customers` null below 20."""

    campaign: str
    channel: str | None
    sent: int
    customers: int | None


class MailingsOut(BaseModel):
    """The newest first, at most 1,000."""

    mailings: list[MailingOut]


class CampaignDrawOut(CampaignOut):
    """is_new: false where it was drawn before, and this call changed nothing."""

    is_new: bool


class CampaignPlanOut(BaseModel):
    """What a draw would be now: customers of the audience, those that each rule takes, and whether the effect shows."""

    campaign: dict[str, Any]
    audience: int
    losses: dict[str, int]
    eligible: int
    expected_treated: int
    expected_control: int
    expected_cost: float
    power: dict[str, Any]
    note: str | None = Field(description="what may be a mistake, such as a start before the end of the data")
    earlier: dict[str, Any] | None
    contact_times: dict[str, Any] = Field(description="customers by best hour and day; `unknown`: why nothing is said")


class CampaignResultOut(BaseModel):
    """What a campaign changed; times are Unix ms, effects are money per customer with an interval of 95 %.

    proof: why it is none, null for a campaign with a control group.  effects: empty after a sample-ratio mismatch.
    response: customers by what became of the message, null for fewer than 20.
    """

    campaign: str
    name: str
    goal: str
    verdict: str
    proof: str | None
    as_of: int
    before_from: int
    from_: int = Field(alias="from")
    to: int
    treated: int
    control: int
    sample_ratio: dict[str, Any] | None
    effects: dict[str, dict[str, Any]]
    margin: dict[str, Any] | None
    cost: float
    net: dict[str, Any] | None
    conversion: dict[str, Any] | None
    response: dict[str, int | None]
    segments: list[dict[str, Any]]
    segments_hidden: int
    left_out: list[str]
    coupons: dict[str, Any] | None = Field(description="redeemed in its time, by arm; null where none was")


class TreatedOut(BaseModel):
    """The treated who may still be written to: their number, and rows in the columns of the layout.

    withdrawn: refused since the draw.  no_address: without an e-mail address.  pages: messages that were sent.
    """

    campaign: str
    layout: str
    customers: int
    withdrawn: int
    no_address: int
    notes: list[str]
    rows: list[dict[str, str]]
    pages: int

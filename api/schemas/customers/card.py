"""Card schema: the card of a customer; null is not known, and `unknown` says why."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.users import UserOut

Moment = int | None  # Unix ms


class SinceOut(BaseModel):
    """First event of any kind, and first order."""

    first_seen: Moment
    first_order: Moment


class RecencyOut(BaseModel):
    """Whole days (UTC) since the day of the last order."""

    days: float | None
    last_order: Moment
    score: int | None


class FrequencyOut(BaseModel):
    """Orders of which something was kept, and days (UTC) with one; the score is of the days."""

    orders: int
    purchase_days: int
    score: int | None


class MoneyOut(BaseModel):
    """Money after discounts, without what was sent back; the margin is without the cost of the goods."""

    total: float
    per_order: float | None
    discount: float | None
    margin: float | None
    score: int | None


class RfmOut(BaseModel):
    """Scores from 1 to 5 among the customers of the release, whose moment `as_of` is, and the names of their group."""

    cell: str | None
    group: str | None
    short_group: str | None
    as_of: Moment


class AbcOut(BaseModel):
    """A for the customers who bring the first 80 % of the revenue, B up to 95 %, then C."""

    class_: str | None = Field(alias="class")
    as_of: Moment


class StageOut(BaseModel):
    """The stage, its first day (UTC), the stage on the day before, and the numbers that decide it."""

    name: str
    since: str | None
    before: str | None
    reason: str


class RhythmOut(BaseModel):
    """Median days between purchase days, the day after so many, and the day on which the customer is at risk."""

    gap_days: float | None
    usual_next_order: str | None
    at_risk_from: str | None


class CategoryShareOut(BaseModel):
    """Money of a category and its share of all that was bought."""

    category: str
    money: float
    share: float | None


class BestTimeOut(BaseModel):
    """An hour as 17:00 or a day as saturday, with its share of the customer's orders, shrunk to the shop's, and that of
    all orders."""

    at: str
    share: float
    shop_share: float


class ContactTimeOut(BaseModel):
    """When the customer orders, in that time zone, by so many orders; null without evidence, see `unknown`."""

    orders: int
    time_zone: str
    best_hour: BestTimeOut | None
    best_day: BestTimeOut | None


class TasteOut(BaseModel):
    """Different items and categories bought, and the price level: 0 the cheapest of each category, 1 the dearest."""

    items: int
    categories: int
    top_categories: list[CategoryShareOut]
    price_level: float | None
    discount_share: float | None


class OfferOut(BaseModel):
    """An item of the home placement, as the customer would see it."""

    item_id: str
    name: str | None
    reason: str
    source: str


class ShownOut(BaseModel):
    """What lists showed in so many days, and what came of it within so many hours."""

    days: int
    hours: float
    answers: int
    shown: int
    clicked: int
    carted: int
    bought: int
    revenue: float
    last_shown: Moment


class ContactOut(BaseModel):
    """A fact: a message, a coupon, an answer, a case, a search; see `POST /v1/facts`."""

    kind: str
    at: int
    text: str | None
    ref: str | None
    channel: str | None
    value: float | None


class CardCampaignOut(BaseModel):
    """A campaign that the customer was drawn in; `starts` is Unix ms."""

    campaign: str
    arm: Literal["treated", "control"]
    status: str
    starts: int


class ContactsOut(BaseModel):
    """How many facts of each kind are kept, and the newest ones, the newest first."""

    count: dict[str, int]
    newest: list[ContactOut]


class CustomerOut(UserOut):
    """Who a customer is at `as_of`.  All parts are null where the customer refused personalisation."""

    model_version: str
    as_of: int
    since: SinceOut | None
    recency: RecencyOut | None
    frequency: FrequencyOut | None
    money: MoneyOut | None
    rfm: RfmOut | None
    abc: AbcOut | None
    stage: StageOut | None
    rhythm: RhythmOut | None
    contact_time: ContactTimeOut | None
    taste: TasteOut | None
    value: dict[str, Any] | None
    churn: dict[str, Any] | None
    needs: list[dict[str, Any]] | None
    category_needs: list[dict[str, Any]] | None
    contacts: ContactsOut | None
    campaigns: list[CardCampaignOut] | None
    offers: list[OfferOut] | None
    shown: ShownOut | None
    unknown: dict[str, str] = Field(description="why a figure is null, by its path")

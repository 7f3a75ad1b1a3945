"""Key figure schemas: each figure with its interval and n; null with the reason where it cannot be known."""

from typing import Any

from pydantic import BaseModel, Field


class FigureOut(BaseModel):
    """A figure with its interval of 95 % and the customers it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n: int | None
    unknown: str | None


class KpiDefinitionOut(BaseModel):
    """What a key figure says.  is_watched: whether it has an alarm band."""

    name: str
    title: str
    unit: str
    words: str
    formula: str
    is_watched: bool


class KpiPeriodOut(BaseModel):
    """The figures of a period by name; none before it is over."""

    from_: int = Field(alias="from")
    to: int
    is_over: bool
    figures: dict[str, FigureOut]


class KpiGroupOut(BaseModel):
    """The group that the report is about, as of a moment (Unix ms)."""

    name: str
    customers: int
    members_as_of: int


class ChannelFunnelOut(BaseModel):
    """Customers of a channel who looked, put into a basket and bought, and the shares between these."""

    channel: str
    customers: dict[str, int | None]
    unknown: str | None
    view_to_cart: FigureOut
    cart_to_purchase: FigureOut
    view_to_purchase: FigureOut


class WatchedFigureOut(BaseModel):
    """A figure of the last week beside its alarm band; is_outside raises an alarm."""

    name: str
    week: dict[str, int]
    value: float | None
    low: float | None
    high: float | None
    is_outside: bool
    unknown: str | None


class KpisOut(BaseModel):
    """Key figures as of `as_of` (Unix ms), just after the last event."""

    as_of: int
    from_: int = Field(alias="from")
    to: int
    segment: KpiGroupOut | None
    not_counted: str
    by: str
    definitions: list[KpiDefinitionOut]
    periods: list[KpiPeriodOut]
    funnel: list[ChannelFunnelOut]
    watch: list[WatchedFigureOut]


class CohortOut(BaseModel):
    """A month of first orders (Unix ms), and the retention by months later."""

    month: int
    customers: int
    retention: list[dict[str, Any]]


class CohortsOut(BaseModel):
    """The cohort triangle as of `as_of` (Unix ms)."""

    as_of: int
    from_: int = Field(alias="from")
    to: int
    segment: KpiGroupOut | None
    not_counted: str
    definition: str
    cohorts: list[CohortOut]


class ItemUnitsOut(BaseModel):
    """Units of an item; error: how wrong such a figure usually was."""

    item_id: str
    name: str | None
    units: float
    low: float
    high: float
    error: float


class ItemPairOut(BaseModel):
    """Two items, types or categories that `baskets` hold together; lift_low, lift_high: its interval of 95 %."""

    first: str
    second: str
    first_name: str | None
    second_name: str | None
    baskets: int
    support: float
    confidence: float
    confidence_back: float
    lift: float
    lift_low: float
    lift_high: float


class PairsOut(BaseModel):
    """The pairs in `least` baskets or more, the highest of `n_pairs`; baskets are those from `from` (Unix ms)."""

    by: str
    least: int
    baskets: int
    n_pairs: int
    from_: int | None = Field(alias="from")
    as_of: int | None
    pairs: list[ItemPairOut]


class SalesMoveOut(BaseModel):
    """Units in both windows, with the interval of the difference; change: as a share, null where there were none."""

    before: float
    after: float
    difference: float
    low: float
    high: float
    change: float | None
    customers: int


class ItemMoveOut(SalesMoveOut):
    """The move of an item; is_clear: more than chance among so many items."""

    item_id: str
    name: str | None
    is_clear: bool


class MoversOut(BaseModel):
    """The surest of `n_items` movers, beside what the whole shop did; windows: `before` and `after`, in Unix ms."""

    as_of: int
    windows: dict[str, dict[str, int]]
    interval: float
    shop: SalesMoveOut
    n_items: int
    n_clear: int
    items: list[ItemMoveOut]


class ExpectedUnitsOut(BaseModel):
    """Units in the next `weeks`.  error: of all items, as a share of units sold; interval: what low and high hold."""

    as_of: int
    weeks: int
    method: str
    error: float | None
    errors_by_weeks: dict[str, float | None]
    interval: float
    coverage: float | None
    n_items: int
    items: list[ItemUnitsOut]

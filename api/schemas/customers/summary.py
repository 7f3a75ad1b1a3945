"""Summary schema: the sums of all customers; null where a part has fewer than 20."""

from pydantic import BaseModel, Field


class CustomerPartOut(BaseModel):
    """A group, class or stage."""

    name: str
    customers: int | None
    revenue: float | None


class RfmCellOut(BaseModel):
    """The customers with these scores of recency and frequency."""

    r: int
    f: int
    customers: int | None
    revenue: float | None


class CustomerMoveOut(BaseModel):
    """The customers who were in one stage, or class of value, and are in another now."""

    from_: str = Field(alias="from")
    to: str
    customers: int | None


class FlowOut(BaseModel):
    """The moves between stages, or classes of value, in so many days."""

    days: int
    moves: list[CustomerMoveOut]


class ConcentrationOut(BaseModel):
    """Share of the revenue that the best customers bring, by their share of the customers; Gini coefficient."""

    top: dict[str, float | None]
    gini: float


class CustomerSumsOut(BaseModel):
    """All customers of the release, at its moment `as_of` (Unix ms)."""

    as_of: int
    customers: int | None
    buyers: int | None
    revenue: float | None
    quantiles: dict[str, dict[str, float] | None]
    rfm_grid: list[RfmCellOut]
    groups: list[CustomerPartOut]
    short_groups: list[CustomerPartOut]
    abc: list[CustomerPartOut]
    stages: list[CustomerPartOut]
    flow: FlowOut
    value_classes: list[CustomerPartOut] | None
    value_flow: FlowOut | None
    concentration: ConcentrationOut | None

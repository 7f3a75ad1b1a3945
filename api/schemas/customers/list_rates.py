"""Schemas of the rates of shown lists: dismissals, clicks, purchases and money, each with its interval."""

from pydantic import BaseModel, Field


class RateOut(BaseModel):
    """A rate with its interval of 95 %, clustered by customer."""

    value: float
    low: float | None
    high: float | None


class GroupRatesOut(BaseModel):
    """A group of lists.  Groups of fewer than 20 customers are one group together.

    Rates are shares of the shown items; money_per_list is that of the purchases that belong to a list.
    """

    group: str
    customers: int
    lists: int
    shown: int
    dismiss_rate: RateOut
    click_rate: RateOut
    buy_rate: RateOut
    money_per_list: RateOut


class ListRatesOut(BaseModel):
    """The rates of the lists of a time (Unix ms), in all and by placement, source and day."""

    from_: int = Field(alias="from")
    to: int
    hours: float
    all: GroupRatesOut
    by: dict[str, list[GroupRatesOut]]

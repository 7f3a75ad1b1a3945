"""Satisfaction with lists: dismissals, clicks, purchases and money of shown lists by group, each with its interval."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from recsys.arrays import Doubles
from recsys.customers.population import MIN_GROUP
from recsys.customers.surveys import wilson_interval
from recsys.errors import NotEnoughData
from recsys.inference.clustered import ratio_interval

if TYPE_CHECKING:
    import polars as pl

By = Literal["placement", "source", "day"]
BYS: Final[tuple[By, ...]] = ("placement", "source", "day")
REST = "small groups together"


class Rate(NamedTuple):
    """A rate and its 95 % interval, clustered by customer."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GroupRates:
    """A group of lists.  customers: known ones and visits without an id.

    dismiss_rate, click_rate, buy_rate: share of the shown items to which that happened.  money_per_list: of the
    purchases that belong to the items of the group.
    """

    group: str
    customers: int
    lists: int
    shown: int
    dismiss_rate: Rate
    click_rate: Rate
    buy_rate: Rate
    money_per_list: Rate

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON types."""
        rates = {name: getattr(self, name)._asdict() for name in RATES}
        return {"group": self.group, "customers": self.customers, "lists": self.lists, "shown": self.shown, **rates}


@dataclass(frozen=True, slots=True)
class RatesReport:
    """Rates of the lists of a time, Unix ms.  hours: how long after a list an event belongs to it."""

    since_ms: int
    until_ms: int
    hours: float
    all: GroupRates
    by: Mapping[By, Sequence[GroupRates]]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        by = {name: [group.to_json() for group in groups] for name, groups in self.by.items()}
        return {"from": self.since_ms, "to": self.until_ms, "hours": self.hours, "all": self.all.to_json(), "by": by}


RATES: Final = ("dismiss_rate", "click_rate", "buy_rate", "money_per_list")


def list_rates(table: "pl.DataFrame", by: By) -> list[GroupRates]:
    """The rates of each group of shown items.  table: see `attribute_outcomes`.  Days in order, others by lists.

    Groups of fewer than MIN_GROUP customers are one group, REST; where they are too few together, the smallest of the
    others joins them, so that no subtraction tells of them.  Raises NotEnoughData where all are too few.
    """
    columns = _by_customer(table, by)
    n_customers = {group: len(own) for group, own in columns.items()}
    small = [group for group, n in n_customers.items() if n < MIN_GROUP]
    others = sorted((group for group in columns if group not in small), key=lambda group: (n_customers[group], group))
    while small and _n_together(table, by, small) < MIN_GROUP and others:
        small.append(others.pop(0))
    if small and _n_together(table, by, small) < MIN_GROUP:
        raise NotEnoughData(f"these lists were shown to fewer than {MIN_GROUP} customers: such a group is not told")
    groups = [_rates(group, columns[group]) for group in others]
    groups.sort(key=lambda each: (each.group,) if by == "day" else (-each.lists, each.group))
    return [*groups, *(_rates(REST, own) for own in _rest(table, by, small))]


def all_rates(table: "pl.DataFrame") -> GroupRates:
    """The rates of all lists together.  Raises NotEnoughData for fewer than MIN_GROUP customers."""
    import polars as pl

    (group,) = list_rates(table.with_columns(pl.lit("all").alias("placement")), "placement")
    return group


def _by_customer(table: "pl.DataFrame", by: By) -> dict[str, Doubles]:
    """Sums of each customer by group: lists, shown, dismissed, clicked, bought items, money.  (U, 6)"""
    import polars as pl

    marks = [(pl.col(name) > 0).sum() for name in ("dismissed", "clicked", "bought")]
    sums = (
        _with_group(table, by)
        .group_by("group", "customer")
        .agg(pl.struct("request_id", "row").n_unique().alias("lists"), pl.len(), *marks, pl.col("revenue").sum())
        .sort("group", "customer")
    )
    return {
        str(group): own.drop("group", "customer").to_numpy().astype(np.float64)
        for (group,), own in sums.partition_by("group", as_dict=True, maintain_order=True).items()
    }


def _with_group(table: "pl.DataFrame", by: By) -> "pl.DataFrame":
    import polars as pl

    day = pl.from_epoch("at_ms", time_unit="ms").dt.strftime("%Y-%m-%d")
    visit = pl.concat_str(pl.lit("\x00"), "request_id")  # no id of a customer begins so
    group = day if by == "day" else pl.col(by)
    return table.with_columns(group.alias("group"), pl.coalesce("user_id", visit).alias("customer"))


def _n_together(table: "pl.DataFrame", by: By, groups: Sequence[str]) -> int:
    import polars as pl

    return _with_group(table, by).filter(pl.col("group").is_in(groups))["customer"].n_unique()


def _rest(table: "pl.DataFrame", by: By, small: Sequence[str]) -> Iterator[Doubles]:
    import polars as pl

    if small:
        rows = _with_group(table, by).filter(pl.col("group").is_in(small))
        yield from _by_customer(rows.with_columns(pl.lit(REST).alias("placement")), "placement").values()


def _rates(group: str, sums: Doubles) -> GroupRates:
    lists, shown, dismissed, clicked, bought, money = sums.T
    dismiss_rate, click_rate, buy_rate = (_share(column, shown) for column in (dismissed, clicked, bought))
    money_per_list = Rate(*ratio_interval(money, lists, np.arange(len(sums))))
    return GroupRates(
        group, len(sums), int(lists.sum()), int(shown.sum()), dismiss_rate, click_rate, buy_rate, money_per_list
    )


def _share(hits: Doubles, shown: Doubles) -> Rate:
    """Where it never happened, or always, customers do not differ: then the interval of Wilson over customers."""
    value, low, high = ratio_interval(hits, shown, np.arange(len(hits)))
    if value in (0.0, 1.0):
        low, high = wilson_interval(value, len(hits))
    return Rate(value, max(0.0, low), min(1.0, high))

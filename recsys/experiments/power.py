"""Power of an experiment before it starts: how many customers it needs, and how many the shop has."""

from dataclasses import dataclass
from math import nan

import numpy as np

from recsys.data.events import Kind
from recsys.data.store.base import Store
from recsys.errors import NotEnoughData
from recsys.experiments.definition import ExperimentPlan
from recsys.experiments.outcomes import BEFORE_DAYS
from recsys.experiments.verdict import mean_and_spread
from recsys.inference.power import customers_per_arm, detectable_lift
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class ExperimentPower:
    """By the customers of the last days, as many as the experiment takes.  mean, sd: money of each in that time.

    needed, available: customers in each arm.  detectable: the least lift that those available show with 80 %.
    """

    mean: float
    sd: float
    correlation: float
    needed: int
    available: int
    detectable: float

    @property
    def words(self) -> str:
        """One sentence."""
        if self.needed <= self.available:
            return f"enough: {self.needed:,} customers in each arm are needed, about {self.available:,} will come"
        sees = "nothing" if self.detectable != self.detectable else f"differences of {self.detectable:.1%} and more"
        return (
            f"too few: {self.needed:,} customers in each arm are needed, about {self.available:,} will come; "
            f"so many see {sees}: take more days, a larger share or a larger lift"
        )


def plan_power(store: Store, plan: ExperimentPlan) -> ExperimentPower:
    """The power by the events of the last days before the newest event, of whoever did anything in them.

    Clicks, orders and margin are planned by money, whose spread is the widest.  Raises NotEnoughData.
    """
    import polars as pl

    columns = ("user_id", "kind", "at_ms", "price", "quantity")
    events = pl.concat([frame.select(columns) for frame in store.scan()] or [pl.DataFrame()])
    if events.is_empty():
        raise NotEnoughData("no event in the log; import events with `recsys import events FILE`, then plan")
    until = int(events["at_ms"].max())  # type: ignore[arg-type]
    start = until - plan.days * DAY_MS
    money = pl.col("price").fill_null(0.0) * pl.col("quantity")
    is_purchase, is_late = pl.col("kind") == int(Kind.PURCHASE), pl.col("at_ms") >= start
    customers = (
        events.filter(pl.col("at_ms") >= start - BEFORE_DAYS * DAY_MS)
        .group_by("user_id")
        .agg(
            money.filter(is_purchase & is_late).sum().alias("money"),
            money.filter(is_purchase & ~is_late).sum().alias("before"),
            is_late.any().alias("is_active"),
        )
        .filter("is_active")
    )
    values, before = (customers[name].to_numpy().astype(np.float64) for name in ("money", "before"))
    if len(values) < 2 or values.mean() <= 0:
        raise NotEnoughData(f"no money of customers in the last {plan.days} days; prices are needed to plan")
    mean, sd, correlation = mean_and_spread(values, before)
    needed = customers_per_arm(mean, sd, plan.lift, correlation=correlation)
    available = round(len(values) * plan.share / 200)
    seen = detectable_lift(mean, sd, available, available, correlation=correlation) if available else nan
    return ExperimentPower(mean, sd, correlation, needed, available, seen)

"""Outcomes of both arms of a canary: clicks and purchases per list, from the answer log through attribution."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from eval.stats.bootstrap import MIN_RESAMPLES, Estimate, ResampledColumn, StreamedDraws, spreads
from recsys.arrays import Doubles
from recsys.canary.counters import ArmCount, ArmCounts
from recsys.canary.split import bucket_of
from recsys.canary.state import Canary
from recsys.data.answer_log.answer_log import LoggedItem, open_answer_log
from recsys.data.answer_log.attribution import attribute_outcomes

if TYPE_CHECKING:
    from recsys.data.store.base import Store

ATTRIBUTION_HOURS = 24.0
OUTCOMES = {"clicked": "clicks", "bought": "purchases"}


@dataclass(frozen=True, slots=True)
class ArmOutcomes:
    """What one arm did.  per_list: the mean of each outcome over its lists, with the interval over its customers.

    customers: those who got a list, and those of them with each outcome.
    """

    n_lists: int
    customers: dict[str, ArmCount]
    per_list: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class CanaryOutcomes:
    """Both arms since the canary began."""

    canary: ArmOutcomes
    live: ArmOutcomes

    def customers(self, outcome: str) -> ArmCounts:
        """Customers with that outcome, of those who got a list: the unit that was split by chance."""
        return ArmCounts(self.canary.customers[outcome], self.live.customers[outcome])


def read_outcomes(store: "Store", home: Path, canary: Canary, until_ms: int) -> CanaryOutcomes:
    """What the customers of both arms clicked and bought of their lists until that moment; zeros without a log."""
    log = open_answer_log(home)
    rows: list[LoggedItem] = []
    if log is not None:
        with closing(log):
            rows = list(_of_both_arms(log.items_between(canary.began_at_ms, until_ms), canary))
    events = (frame.filter(pl.col("at_ms") >= canary.began_at_ms) for frame in store.scan()) if rows else ()
    table = attribute_outcomes(rows, events, hours=ATTRIBUTION_HOURS)
    sums = (pl.col(name).sum() for name in OUTCOMES)
    customers = table.group_by("model_version", "user_id").agg(pl.col("request_id").n_unique().alias("lists"), *sums)
    arms = (customers.filter(pl.col("model_version") == version) for version in (canary.version, canary.champion))
    return CanaryOutcomes(*map(_arm, arms))


def _of_both_arms(items: Iterator[LoggedItem], canary: Canary) -> Iterator[LoggedItem]:
    """Lists of customers who got the release of their arm: not of visitors, and not of ids that were merged since."""
    arm_by_version = {canary.version: True, canary.champion: False}
    for item in items:
        is_canary = arm_by_version.get(item.model_version)
        if is_canary is None or item.user_id is None:
            continue
        if (bucket_of(item.user_id, canary.version) < canary.n_buckets) == is_canary:
            yield item


def _arm(customers: pl.DataFrame) -> ArmOutcomes:
    """Of one row per customer: lists, clicks and purchases."""
    n, lists = len(customers), customers["lists"].to_numpy().astype(np.float64)
    sums: Sequence[Doubles] = [customers[name].to_numpy().astype(np.float64) for name in OUTCOMES]
    columns = [ResampledColumn(column, lists) for column in sums]
    per_list = spreads(columns, StreamedDraws(0, MIN_RESAMPLES)) if n else []
    return ArmOutcomes(
        int(lists.sum()),
        {name: ArmCount(n, int(np.count_nonzero(column))) for name, column in zip(OUTCOMES, sums, strict=True)},
        {name: spread.estimate for name, spread in zip(OUTCOMES, per_list, strict=False)},
    )

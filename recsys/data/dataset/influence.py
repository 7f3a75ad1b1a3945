"""Influence limit: how far customers whom only browsers know can move what is learnt, against shilling attacks."""

from collections.abc import Mapping

import polars as pl

from recsys.data.events import Kind
from recsys.time_units import DAY_MS

IS_VOUCHED = "is_vouched"  # column: the shop's own systems sent the event
MIN_VOUCHED = 30  # customers; with fewer there is nothing to measure a share by
HALF_LIVES_DAYS = (28.0, 7.0)  # as best-sellers and as sales of late fade: fresh events outweigh neither
FLOOR = 1.0  # one purchase: what an item may get that nobody vouches for


def limit_influence(
    events: pl.DataFrame, weight_by_kind: Mapping[Kind, float], unvouched_share: float, *, now: float
) -> pl.DataFrame:
    """The events without those by which unvouched customers outweigh their share of an item.

    A customer is unvouched if only browsers' keys sent their events; without the column, as in given files, nobody is.
    Each counts for an item with the strongest decayed event.  Those who have been known for longest stay, up to
    unvouched_share of the item's weight, or FLOOR, at each of the half-lives.
    A browser's key is public: whoever has it can make up thousands of customers.  (Lam & Riedl 2004, shilling.)
    """
    if unvouched_share == 1 or IS_VOUCHED not in events.columns or events[IS_VOUCHED].all():
        return events
    customers = events.group_by("user_id").agg(pl.col(IS_VOUCHED).any(), pl.col("at_ms").min().alias("known_since"))
    if customers[IS_VOUCHED].sum() < MIN_VOUCHED:
        return events
    for half_life_days in HALF_LIVES_DAYS:
        events = _without_excess(events, customers, _weight(weight_by_kind, now, half_life_days), unvouched_share)
    return events


def _without_excess(
    events: pl.DataFrame, customers: pl.DataFrame, event_weight: pl.Expr, unvouched_share: float
) -> pl.DataFrame:
    """The events whose unvouched customers have their share of the weight of each item."""
    pairs = events.group_by("user_id", "item_id").agg(event_weight.max().alias("weight"))
    pairs = pairs.join(customers, on="user_id").sort("known_since", "user_id", "item_id")
    vouched = pl.col("weight").filter(IS_VOUCHED).sum().over("item_id")
    most = pl.max_horizontal(vouched * (unvouched_share / (1 - unvouched_share)), FLOOR)
    unvouched = pl.when(IS_VOUCHED).then(0.0).otherwise("weight").cum_sum().over("item_id")
    excess = pairs.filter(~pl.col(IS_VOUCHED) & (pl.col("weight") > 0) & (unvouched > most))
    return events.join(excess, on=["user_id", "item_id"], how="anti", maintain_order="left")


def _weight(weight_by_kind: Mapping[Kind, float], now: float, half_life_days: float) -> pl.Expr:
    """The decayed weight of each event, 0 for returns and dismissals."""
    kinds = {int(kind): float(weight) for kind, weight in weight_by_kind.items()}
    weight = pl.col("kind").cast(pl.Int64).replace_strict(kinds, default=0.0, return_dtype=pl.Float64)
    stars = pl.when(pl.col("kind") == int(Kind.RATING)).then(pl.col("rating").fill_null(0.0)).otherwise(1.0)
    age_days = now - pl.col("at_ms") / DAY_MS
    return (weight * stars).clip(0.0) * (age_days / -half_life_days * pl.lit(2.0).log()).exp()

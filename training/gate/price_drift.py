"""Drift of prices between two releases: prices of the catalogue and prices paid, as a file in cents would move them."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from recsys.arrays import AnyArray
from recsys.data.dataset.occasions import first_lines
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import Kind
from recsys.gate.verdict import Check
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS
from training.gate.facts import Facts

MOST_ITEMS, FEWEST_ITEMS = 5_000, 10  # whose prices are compared


def price_drift(
    new: Recommender, live: Recommender, snapshot: Snapshot, facts: tuple[Facts, Facts], drift: float
) -> Iterator[Check]:
    """What there are enough prices for.  facts: of the new release and of the live one."""
    yield from _check("prices", "an item costs", _catalogue_ratios(new, live), drift)
    since = live.bundle.manifest.now
    yield from _check("prices paid", "since the live release, customers pay for an item", _paid(snapshot, since), drift)
    paid, before = (each.get("paid", 0.0) for each in facts)
    if paid > 0 and before > 0:
        yield _verdict("prices paid", f"the median price paid is {paid:.2f} after {before:.2f}", paid / before, drift)


def _check(name: str, words: str, ratios: AnyArray, drift: float) -> Iterator[Check]:
    if len(ratios) >= FEWEST_ITEMS:
        ratio = float(np.median(ratios))
        yield _verdict(name, f"{words} {ratio:.2f} times what it was (median of {len(ratios):,} items)", ratio, drift)


def _verdict(name: str, words: str, ratio: float, drift: float) -> Check:
    is_usual = 1 - drift <= ratio <= 1 + drift
    return Check(name=name, result="passed" if is_usual else "failed", words=words)


def _catalogue_ratios(new: Recommender, live: Recommender) -> AnyArray:
    """New price over old price of items that both files have one of.  (n,)"""
    prices, before = new.bundle.array("catalogue/price"), live.bundle.array("catalogue/price")
    priced = np.flatnonzero(prices > 0)
    drawn = priced[:: max(1, len(priced) // MOST_ITEMS)]
    place = live.catalogue.ids.positions([new.catalogue.ids[int(item)] for item in drawn])
    old = before[place]
    is_known = (place >= 0) & (old > 0)
    return prices[drawn][is_known] / old[is_known]


def _paid(snapshot: Snapshot, since: float) -> AnyArray:
    """Median price paid after that day over the one before it, of items that were bought in both.  (n,)"""
    bought = first_lines(snapshot.events.filter((pl.col("kind") == int(Kind.PURCHASE)) & (pl.col("price") > 0)))
    is_new = pl.col("at_ms") > since * DAY_MS
    new, old = (bought.filter(part).group_by("item_id").agg(pl.col("price").median()) for part in (is_new, ~is_new))
    both = new.join(old, on="item_id", suffix="_before")
    return (both["price"] / both["price_before"]).to_numpy()

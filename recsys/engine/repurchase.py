"""Repurchase intervals: how often an item is bought again, and when it came into the shop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Annotated

import numpy as np

from recsys.arrays import Doubles, Floats, Ints
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.data.events import Kind
from recsys.models.serialization import StoredFields

MIN_GAPS_OF_USER = 3  # between a user's purchases of one item; fewer give no interval of their own
MIN_GAPS_OF_ITEM = 10  # of all users; with fewer an item has no interval
START_DAYS = 28.0  # an item first seen in these days of a log is taken as older than the log
LONGEST_DAYS = 400.0  # a longer interval is not put into words


@dataclass(frozen=True, slots=True)
class RepurchaseIntervals(StoredFields):
    """first_at (I,): first event of each item, days since 1970, -inf where it was there when the log began.

    gap_days (I,): median days between two purchase days of one user, NaN where there are too few gaps.
    Both are empty in a release made before this part existed.
    """

    first_at: Annotated[Doubles, ArraySpec("I", inf=True)] = field(default_factory=lambda: np.empty(0))
    gap_days: Annotated[Floats, ArraySpec("I", low=0, nan=True)] = field(
        default_factory=lambda: np.empty(0, np.float32)
    )

    def gap_of(self, item: int) -> float | None:
        """The item's usual gap in days, None where it is unknown."""
        gap = float(self.gap_days[item]) if item < len(self.gap_days) else np.nan
        return None if np.isnan(gap) else gap


def fit_repurchase_intervals(histories: Histories) -> RepurchaseIntervals:
    """The intervals of all items, from all histories."""
    first = np.full(histories.n_items, np.inf)
    np.minimum.at(first, histories.item, histories.at)
    return repurchase_intervals(first, *purchase_gaps(histories))


def repurchase_intervals(first: Doubles, item: Ints, gap: Doubles) -> RepurchaseIntervals:
    """From the first event of each item, (I,), inf without, and the gaps of all customers, (N,), (N,)."""
    return RepurchaseIntervals(_first_at(first), _median_gaps(item, gap, len(first)))


def purchase_gaps(histories: Histories) -> tuple[Ints, Doubles]:
    """Item and days of each gap between two purchase days of one user.  (N,), (N,)"""
    purchases = histories.only(Kind.PURCHASE)
    gap = np.diff(np.floor(purchases.at))
    kept = (np.diff(purchases.user) == 0) & (np.diff(purchases.item) == 0) & (gap > 0)
    return purchases.item[1:][kept], gap[kept]


def own_gap(days: Sequence[int]) -> float | None:
    """Median gap between the purchase days (ascending) of one user and item; None when there are too few gaps."""
    gaps = [later - earlier for earlier, later in pairwise(days) if later > earlier]
    return float(median(gaps)) if len(gaps) >= MIN_GAPS_OF_USER else None


def in_words(days: float) -> str | None:
    """A gap in words, such as "about every 3 weeks"; None when it is longer than LONGEST_DAYS."""
    if days > LONGEST_DAYS:
        return None
    if days < 1.5:
        return "almost every day"
    if days < 6.5:
        return f"about every {round(days)} days"
    if days < 45:
        weeks = round(days / 7)
        return "about every week" if weeks == 1 else f"about every {weeks} weeks"
    months = max(2, round(days / 30.4))
    return "about once a year" if months >= 11 else f"about every {months} months"


def _first_at(first: Doubles) -> Doubles:
    start = float(first.min(initial=np.inf)) + START_DAYS
    return np.where((first < start) | ~np.isfinite(first), -np.inf, first)


def _median_gaps(item: Ints, gap: Doubles, n_items: int) -> Floats:
    """Median gap of each item over all users, (I,), NaN where it has fewer than MIN_GAPS_OF_ITEM gaps."""
    gap = gap[np.lexsort((gap, item))]
    number = np.bincount(item, minlength=n_items)
    start = np.cumsum(number) - number
    median_gap = np.full(n_items, np.nan, np.float32)
    enough = np.flatnonzero(number >= MIN_GAPS_OF_ITEM)
    low, high = start[enough] + (number[enough] - 1) // 2, start[enough] + number[enough] // 2
    median_gap[enough] = (gap[low] + gap[high]) / 2
    return median_gap

"""How often a thing is bought again, and since when it is in the shop: what purchases tell of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats
from recsys.bundle import Bundle
from recsys.data.dataset.histories import Histories
from recsys.data.events import Kind

LEAST_OWN = 3  # gaps of a customer between purchases of one item, from which they have a rhythm of their own
LEAST_OF_ITEM = 10  # gaps of all customers, from which an item has one
START_DAYS = 28.0  # what was seen in the first weeks of a log was there before
LONGEST_DAYS = 400.0  # beyond that nobody waits for the next time


@dataclass(frozen=True, slots=True)
class RepurchaseIntervals:
    """first_at (I,): first event of each item, days since 1970, -inf where it was there when the log began.

    gap_days (I,): median days between two purchase days of one customer, NaN where too few tell.
    Both are empty in a bundle that was made before there was such a thing.
    """

    first_at: Doubles
    gap_days: Floats

    def arrays(self) -> Mapping[str, AnyArray]:
        return {"rhythm/first_at": self.first_at, "rhythm/gap_days": self.gap_days}

    def gap_of(self, item: int) -> float | None:
        """The item's usual gap in days, None where nobody knows."""
        gap = float(self.gap_days[item]) if item < len(self.gap_days) else np.nan
        return None if np.isnan(gap) else gap


def no_repurchase_intervals() -> RepurchaseIntervals:
    """Of a shop that tells nothing."""
    return RepurchaseIntervals(np.empty(0), np.empty(0, np.float32))


def repurchase_intervals(histories: Histories) -> RepurchaseIntervals:
    """What all histories tell together."""
    return RepurchaseIntervals(_first_at(histories), _gaps(histories.only(Kind.PURCHASE)))


def read_repurchase_intervals(bundle: Bundle) -> RepurchaseIntervals:
    """What a bundle says of it."""
    if not any(name.startswith("rhythm/") for name in bundle.names):
        return no_repurchase_intervals()
    return RepurchaseIntervals(bundle.array("rhythm/first_at"), bundle.array("rhythm/gap_days"))


def own_gap(days: Sequence[int]) -> float | None:
    """Median gap between the days of purchases of one customer and item, ascending; None when they are few."""
    gaps = [later - earlier for earlier, later in pairwise(days) if later > earlier]
    return float(median(gaps)) if len(gaps) >= LEAST_OWN else None


def about(days: float) -> str | None:
    """A gap as people say it, such as "about every 3 weeks"; None when it is too long to say."""
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


def _first_at(histories: Histories) -> Doubles:
    first = np.full(histories.n_items, np.inf)
    np.minimum.at(first, histories.item, histories.at)
    start = float(first.min(initial=np.inf)) + START_DAYS
    return np.where((first < start) | ~np.isfinite(first), -np.inf, first)


def _gaps(purchases: Histories) -> Floats:
    """Median gap of each item over all customers, (I,), NaN where fewer than LEAST_OF_ITEM tell."""
    user = np.repeat(np.arange(len(purchases)), np.diff(purchases.offsets))
    day = np.floor(purchases.at)
    gap = np.diff(day)
    counts = (np.diff(user) == 0) & (np.diff(purchases.item) == 0) & (gap > 0)
    item, gap = purchases.item[1:][counts], gap[counts]
    gap = gap[np.lexsort((gap, item))]
    number = np.bincount(item, minlength=purchases.n_items)
    start = np.cumsum(number) - number
    found = np.full(purchases.n_items, np.nan, np.float32)
    enough = np.flatnonzero(number >= LEAST_OF_ITEM)
    low, high = start[enough] + (number[enough] - 1) // 2, start[enough] + number[enough] // 2
    found[enough] = (gap[low] + gap[high]) / 2
    return found

"""The shelf behind the lists: how much of the range anybody sees, how evenly, and how obvious it is."""

import numpy as np

from eval.metrics import Lists
from recsys.arrays import Doubles, Longs


def shown_times(lists: Lists, k: int, n_items: int) -> Longs:
    """In how many lists each item stands among the first k.  (I,)"""
    places = lists.item[:, :k][lists.shown[:, :k]]
    return np.bincount(places, minlength=n_items)[:n_items].astype(np.int64)


def coverage(times: Longs) -> float:
    """Share of the catalogue that stands in at least one list; NaN without a catalogue."""
    return float(np.mean(times > 0)) if len(times) else float("nan")


def gini(times: Longs) -> float:
    """0 when every item is shown as often as any other, near 1 when one takes all; NaN when nothing is shown."""
    n, total = len(times), int(times.sum())
    if not total:
        return float("nan")
    ordered = np.sort(times)
    # Gini 1912 by ranks: the mean difference of all pairs of items over twice the mean.
    return float(np.sum((2 * np.arange(1, n + 1) - n - 1) * ordered) / (n * total))


def novelty(lists: Lists, k: int, customers: Longs, n_customers: int) -> Doubles:
    """Bits of surprise of a shown item, on average per list: (Q,), NaN for an empty one.

    customers (I,): how many of n_customers had the item; one nobody had counts as had by one.
    """
    # Self-information -log2 p(item), Zhou et al. 2010.
    bits = -np.log2(np.maximum(customers, 1) / n_customers)
    shown = lists.shown[:, :k]
    total = np.where(shown, bits[np.where(shown, lists.item[:, :k], 0)], 0.0).sum(axis=1)
    length = shown.sum(axis=1)
    found = np.full(len(total), np.nan)
    np.divide(total, length, out=found, where=length > 0)
    return found

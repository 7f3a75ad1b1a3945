"""Beyond-accuracy metrics of lists: coverage, Gini, novelty, popularity lift, diversity, miscalibration, overlap.

Metrics per customer are (Q,) float64, NaN where a list does not have them.
"""

import numpy as np

from eval.metrics.accuracy import ratio
from eval.metrics.ranked_lists import RankedLists
from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories

HISTORY_SHARE = 0.01  # Steck 2018, section 3.1: so much of the shares of the history keeps the divergence finite
_BATCH = 256


def shown_times(lists: RankedLists, k: int, n_items: int) -> Longs:
    """In how many lists each item is among the first k.  (I,)"""
    places = lists.item[:, :k][lists.shown[:, :k]]
    return np.bincount(places, minlength=n_items)[:n_items].astype(np.int64)


def n_buyers(histories: Histories) -> Longs:
    """How many customers have each item.  (I,)"""
    return np.bincount(histories.pairs().item, minlength=histories.n_items).astype(np.int64)


def coverage(times: Longs) -> float:
    """Share of the catalogue that is in at least one list; NaN without a catalogue."""
    return float(np.mean(times > 0)) if len(times) else float("nan")


def gini(times: Longs) -> float:
    """0 when every item is shown as often as any other, near 1 when one takes all; NaN when nothing is shown."""
    n, total = len(times), int(times.sum())
    if not total:
        return float("nan")
    ordered = np.sort(times)
    # Gini 1912 by ranks: the mean difference of all pairs of items over twice the mean.
    return float(np.sum((2 * np.arange(1, n + 1) - n - 1) * ordered) / (n * total))


def novelty(lists: RankedLists, k: int, customers: Longs, n_customers: int) -> Doubles:
    """Bits of surprise of a shown item, on average per list: (Q,), NaN for an empty one.

    customers (I,): how many of n_customers had the item; an item without any counts as if one customer had it.
    """
    # Self-information -log2 p(item), Zhou et al. 2010.
    bits = -np.log2(np.maximum(customers, 1) / n_customers)
    return _mean_of_places(lists, k, bits)


def popularity_lift(lists: RankedLists, k: int, customers: Longs, usual: Doubles) -> float:
    """By how much shown items are more popular than the items the same Q customers bought: 0 equally, 1 twice as much.

    customers (I,): how many had the item.  usual (Q,): see usual_popularity.  NaN where nothing is shown or was bought.
    """
    # Abdollahpouri et al. 2019, section 3: the lift of the mean popularity over that of the profiles, per group.
    shown = _mean_of_places(lists, k, customers.astype(np.float64))
    both = ~np.isnan(shown) & ~np.isnan(usual)
    known = usual[both].mean() if both.any() else 0.0
    return float(shown[both].mean() / known - 1) if known > 0 else float("nan")


def usual_popularity(histories: Histories, customers: Longs) -> Doubles:
    """Mean number of customers who had an item of each of Q, each item once: (Q,), NaN for customers without items."""
    pairs = histories.pairs()
    length = np.diff(pairs.offsets)
    row = np.repeat(np.arange(len(length)), length)
    return ratio(np.bincount(row, customers[pairs.item], len(length)), length)


def diversity(lists: RankedLists, k: int, category: Ints) -> Doubles:
    """Share of the pairs of a list whose categories differ: (Q,).  category (I,): 0 unknown, and left out."""
    # Ziegler et al. 2005, section 3.3, with the distance 0 within a category and 1 between two.
    code, known = _codes(lists, k, category)
    n_known = known.sum(axis=1)
    alike = np.zeros(len(code))
    for place in range(code.shape[1]):
        alike += ((code[:, place, None] == code[:, :place]) & known[:, place, None] & known[:, :place]).sum(axis=1)
    pairs = n_known * (n_known - 1) / 2
    return ratio(pairs - alike, pairs)


def vector_diversity(lists: RankedLists, k: int, vectors: Floats) -> Doubles:
    """1 less the mean cosine of the pairs of a list: (Q,).  vectors (I, F); items without one do not count."""
    item, shown = lists.item[:, :k], lists.shown[:, :k] & (lists.item[:, :k] < len(vectors))
    result = np.full(len(item), np.nan)
    for start in range(0, len(item), _BATCH):
        rows = slice(start, start + _BATCH)
        chosen = vectors[np.where(shown[rows], item[rows], 0)].astype(np.float64)
        length = np.linalg.norm(chosen, axis=2)
        counts = shown[rows] & (length > 0)
        unit = np.where(counts[..., None], chosen / np.where(length > 0, length, 1)[..., None], 0)
        n = counts.sum(axis=1)
        # The square of the sum is the n squares, each 1, and every pair twice.
        cosines = (np.square(unit.sum(axis=1)).sum(axis=1) - n) / 2
        result[rows] = 1 - ratio(cosines, n * (n - 1) / 2)
    return result


def miscalibration(lists: RankedLists, k: int, category: Ints, histories: Histories) -> Doubles:
    """How far the categories of a list are from those of the customer's purchases: (Q,), 0 is the same shares.

    Kullback-Leibler divergence in nats.  category (I,): 0 unknown, and left out.  histories: the purchases of the same
    customers; each event counts.  NaN where either side has no category.
    """
    n_codes = int(category.max(initial=0)) + 1
    code, known = _codes(lists, k, category)
    result = np.full(len(code), np.nan)
    for row in range(len(code)):
        part = histories.item[histories.offsets[row] : histories.offsets[row + 1]]
        bought = np.bincount(category[part], minlength=n_codes)[1:].astype(np.float64)
        shown = np.bincount(code[row][known[row]], minlength=n_codes)[1:].astype(np.float64)
        if bought.sum() and shown.sum():
            result[row] = _divergence(bought / bought.sum(), shown / shown.sum())
    return result


def overlap(lists: RankedLists, others: RankedLists, k: int) -> Doubles:
    """Share of the longer of two lists that is in both: (Q,), NaN where both are empty."""
    item, other = lists.item[:, :k], others.item[:, :k]
    same = (item[:, :, None] == other[:, None, :]) & lists.shown[:, :k, None] & others.shown[:, None, :k]
    longest = np.maximum(lists.shown[:, :k].sum(axis=1), others.shown[:, :k].sum(axis=1))
    return ratio(same.sum(axis=(1, 2)), longest)


def _divergence(history: Doubles, shown: Doubles) -> float:
    # Steck 2018, eq. 2 to 4.
    smoothed = (1 - HISTORY_SHARE) * shown + HISTORY_SHARE * history
    there = history > 0
    return float(np.sum(history[there] * np.log(history[there] / smoothed[there])))


def _codes(lists: RankedLists, k: int, category: Ints) -> tuple[Ints, AnyArray]:
    """The category of each place and whether one is known: (Q, k), (Q, k)."""
    item, shown = lists.item[:, :k], lists.shown[:, :k] & (lists.item[:, :k] < len(category))
    code = category[np.where(shown, item, 0)]
    return code, shown & (code > 0)


def _mean_of_places(lists: RankedLists, k: int, value: Doubles) -> Doubles:
    shown = lists.shown[:, :k]
    total = np.where(shown, value[np.where(shown, lists.item[:, :k], 0)], 0.0).sum(axis=1)
    return ratio(total, shown.sum(axis=1))

"""Accuracy metrics of ranked lists: nDCG, precision, recall, MAP, MRR, hit rate and revenue recall.

Each list is compared with the items that the customer took afterwards.
Each metric gives one number per customer, (Q,) float64, NaN where nothing was held back: that customer is not judged.
The missing places of a list shorter than k are misses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from eval.metrics.held_back import HeldBack
from eval.metrics.ranked_lists import RankedLists
from recsys import metrics
from recsys.arrays import AnyArray, Bools, Doubles, Longs
from recsys.errors import BadInput


@dataclass(frozen=True, slots=True)
class MatchedLists:
    """Lists compared with the held-back items.

    hit (Q, K): whether the item at that place was taken; money (Q, K): its money.
    n_held_back (Q,), money_held_back (Q,): items and money of all that was held back.
    """

    hit: Bools
    money: Doubles
    n_held_back: Longs
    money_held_back: Doubles


def match(lists: RankedLists, held_back: HeldBack) -> MatchedLists:
    """Lists and held-back items of the same Q customers, in the same order.  Raises BadInput for other numbers."""
    n = len(held_back)
    if len(lists.item) != n:
        raise BadInput(f"{len(lists.item)} lists for {n} customers; give one list per customer, empty ones too")
    stride = 1 + int(max(lists.item.max(initial=0), held_back.item.max(initial=0)))
    relevant = held_back.customer * stride + held_back.item
    shown = np.arange(n)[:, None] * stride + np.where(lists.shown, lists.item, 0)
    if len(relevant):
        at = np.minimum(np.searchsorted(relevant, shown), len(relevant) - 1)
        hit = lists.shown & (relevant[at] == shown)
        money = np.where(hit, held_back.value[at], 0.0)
    else:
        hit, money = np.zeros(shown.shape, np.bool_), np.zeros(shown.shape)
    total = np.bincount(held_back.customer, weights=held_back.value, minlength=n).astype(np.float64)
    return MatchedLists(hit, money, np.diff(held_back.offsets), total)


def precision(matched: MatchedLists, k: int) -> Doubles:
    """Hits among the first k, over k."""
    return ratio(_first(matched.hit, k).sum(axis=1), np.where(matched.n_held_back > 0, k, 0))


def recall(matched: MatchedLists, k: int) -> Doubles:
    """Hits among the first k, over all held-back items."""
    return ratio(_first(matched.hit, k).sum(axis=1), matched.n_held_back)


def hit_rate(matched: MatchedLists, k: int) -> Doubles:
    """1 where any of the first k was taken, else 0."""
    return ratio(_first(matched.hit, k).max(axis=1, initial=False), np.minimum(matched.n_held_back, 1))


def ndcg(matched: MatchedLists, k: int) -> Doubles:
    """Hits discounted by place, over the same for the best possible list of k."""
    return metrics.ndcg(_first(matched.hit, k), matched.n_held_back, k)


def average_precision(matched: MatchedLists, k: int) -> Doubles:
    """Sum of the precision at each hit among the first k, over the most hits possible there; its mean is MAP."""
    hit = _first(matched.hit, k)
    at_hit = np.cumsum(hit, axis=1) / np.arange(1, hit.shape[1] + 1)
    return ratio((at_hit * hit).sum(axis=1), np.minimum(matched.n_held_back, k))


def reciprocal_rank(matched: MatchedLists, k: int) -> Doubles:
    """1 over the place of the first hit among the first k, 0 without one; its mean is MRR."""
    hit = _first(matched.hit, k)
    inverse = (hit / np.arange(1, hit.shape[1] + 1)).max(axis=1, initial=0.0)
    return ratio(inverse, np.minimum(matched.n_held_back, 1))


def revenue_recall(matched: MatchedLists, k: int) -> Doubles:
    """Money of the hits among the first k, over all money held back; NaN where none is known."""
    return ratio(_first(matched.money, k).sum(axis=1), matched.money_held_back)


Metric = Callable[[MatchedLists, int], Doubles]
METRICS: Mapping[str, Metric] = {
    "ndcg": ndcg,
    "precision": precision,
    "recall": recall,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit": hit_rate,
    "revenue_recall": revenue_recall,
}


def score(matched: MatchedLists, k: int) -> dict[str, Doubles]:
    """Every metric at k by its name, such as "ndcg@10": (Q,) each."""
    return {f"{name}@{k}": metric(matched, k) for name, metric in METRICS.items()}


def mean(scores: Doubles) -> float:
    """The mean over the judged customers, NaN without any."""
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else float("nan")


def _first(places: AnyArray, k: int) -> AnyArray:
    if k < 1:
        raise BadInput(f"k = {k}; a list has at least one place")
    return places[:, :k]


def ratio(part: AnyArray, whole: AnyArray) -> Doubles:
    """part / whole, NaN where the whole is 0."""
    shares = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares

"""What anybody could do without a model on a file of their own; whoever is asked about may be a stranger."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.random import Generator

from eval.metrics.accuracy import RankedLists
from eval.metrics.beyond_accuracy import n_buyers
from eval.protocol import (
    BEST_SELLERS,
    FADING_FREQUENCY,
    HALF_LIFE_DAYS,
    LATE_SELLERS,
    OWN_FREQUENCY,
    RANDOM,
    RECENT_DAYS,
)
from eval.replay import ReplayedLists
from recsys.arrays import Floats, Longs
from recsys.data.dataset.histories import Histories, decay
from recsys.models.candidates import best

FAINTEST = 1e-25  # 27 years of fading; float32 still tells best-sellers apart below it
LIKELY = 2_048  # items whose scores bound the search through all

Scorer = Callable[[Histories], Floats]  # one customer's history -> (I,), fresh; only what is above 0 may be shown


def scorers_of(everybody: Histories, rng: Generator, *, is_hiding: bool, has_times: bool) -> Mapping[str, Scorer]:
    """Those that make sense: own frequency where the own may be shown, late and fading where times are known.

    Own frequency goes on with best-sellers.
    """
    sold = n_buyers(everybody)
    found = {BEST_SELLERS: _constant(sold)}
    if has_times and np.ptp(everybody.at) > RECENT_DAYS:
        found[LATE_SELLERS] = _constant(n_buyers(everybody.since(everybody.now - RECENT_DAYS)))
    if not is_hiding:
        found[OWN_FREQUENCY] = _own(np.inf, sold)
    if not is_hiding and has_times:
        found[FADING_FREQUENCY] = _own(HALF_LIFE_DAYS, sold)
    found[RANDOM] = lambda history: 1 - rng.random(history.n_items, np.float32)
    return found


def shown_by(scorer: Scorer, histories: Sequence[Histories], k: int, *, is_hiding: bool) -> ReplayedLists:
    """The k best for each of Q customers, ties by position, without (`is_hiding`) or with what each has."""
    item, score = np.zeros((len(histories), k), np.int32), np.zeros((len(histories), k), np.float32)
    length = np.zeros(len(histories), np.int32)
    everything = np.ones(histories[0].n_items if len(histories) else 0, bool)
    likely = np.arange(min(LIKELY, len(everything)), dtype=np.int32)
    for row, history in enumerate(histories):
        scores = scorer(history)
        if is_hiding:
            scores[history.item] = 0
        found = best(scores, everything, k, likely)
        length[row] = len(found)
        item[row, : len(found)], score[row, : len(found)] = found.items, found.scores
    return ReplayedLists(RankedLists(item, length), score)


def _constant(counts: Longs) -> Scorer:
    return lambda history: counts.astype(np.float32)


def _own(half_life_days: float, sold: Longs) -> Scorer:
    """The customer's own, and behind them, as in a shop, best-sellers: a list that ends early flatters all others."""
    share = sold / (2 * max(1, sold.max(initial=0)))  # below any own item, whatever that one's weight is scaled by

    def score(history: Histories) -> Floats:
        had, n = np.unique(history.item), history.n_items
        weight = np.bincount(history.item, decay(history.now - history.at, half_life_days), minlength=n)
        weight[had] = np.maximum(weight[had], FAINTEST)
        filled = share * weight[had].min(initial=1.0)
        filled[had] = weight[had]
        scores: Floats = filled.astype(np.float32)
        return scores

    return score

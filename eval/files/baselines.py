"""Baselines of an evaluation of files: best-sellers, own frequency and random lists, also for unknown customers."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.random import Generator

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

LIKELY = 2_048  # number of items that give the lower bound for the search through all

ItemScorer = Callable[[Histories], Floats]  # one customer's history -> new array (I,); lists hold only scores above 0


def build_scorers(
    everybody: Histories, rng: Generator, *, is_hiding: bool, has_times: bool
) -> Mapping[str, ItemScorer]:
    """The baselines that make sense, by name.

    Own frequency only where lists may hold the customer's own items, recent and fading ones only where times are known.
    Behind their own items, customers get best-sellers.
    """
    sold = n_buyers(everybody)
    scorers = {BEST_SELLERS: _constant(sold)}
    if has_times and np.ptp(everybody.at) > RECENT_DAYS:
        scorers[LATE_SELLERS] = _constant(n_buyers(everybody.since(everybody.now - RECENT_DAYS)))
    if not is_hiding:
        scorers[OWN_FREQUENCY] = _own_frequency(np.inf, sold)
    if not is_hiding and has_times:
        scorers[FADING_FREQUENCY] = _own_frequency(HALF_LIFE_DAYS, sold)
    scorers[RANDOM] = lambda history: 1 - rng.random(history.n_items, np.float32)
    return scorers


def best_by_score(scorer: ItemScorer, histories: Sequence[Histories], k: int, *, is_hiding: bool) -> ReplayedLists:
    """The k best items for each of Q customers, ties by position, without (`is_hiding`) or with their own items."""
    everything = np.ones(histories[0].n_items if len(histories) else 0, bool)
    likely = np.arange(min(LIKELY, len(everything)), dtype=np.int32)
    rows = []
    for history in histories:
        scores = scorer(history)
        if is_hiding:
            scores[history.item] = 0
        candidates = best(scores, everything, k, likely)
        rows.append((candidates.items, candidates.scores))
    return ReplayedLists.from_rows(rows, k)


def _constant(counts: Longs) -> ItemScorer:
    return lambda history: counts.astype(np.float32)


def _own_frequency(half_life_days: float, sold: Longs) -> ItemScorer:
    """The customer's own items, ties by best-sellers, and behind them best-sellers: any other list would be too weak.

    The scores are places, 1 for the last own item, as float32 cannot hold a tie and what breaks it.
    """
    share = sold / (2 * max(1, sold.max(initial=0)))

    def score(history: Histories) -> Floats:
        own, place = np.unique(history.item, return_inverse=True)
        weight = np.bincount(place, decay(history.now - history.at, half_life_days), minlength=len(own))
        scores: Floats = share.astype(np.float32)
        ranked = own[np.lexsort((own, -sold[own], -weight.astype(np.float32)))]
        scores[ranked] = np.arange(len(ranked), 0, -1)
        return scores

    return score

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

FAINTEST = 1e-25  # a weight after 27 years of decay; float32 still tells best-sellers below it apart
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
    """The customer's own items, and behind them best-sellers, as in a shop: a shorter list would be too weak."""
    share = sold / (2 * max(1, sold.max(initial=0)))  # scaled by the customer's lowest own weight, it stays below it

    def score(history: Histories) -> Floats:
        had, n = np.unique(history.item), history.n_items
        weight = np.bincount(history.item, decay(history.now - history.at, half_life_days), minlength=n)
        weight[had] = np.maximum(weight[had], FAINTEST)
        filled = share * weight[had].min(initial=1.0)
        filled[had] = weight[had]
        scores: Floats = filled.astype(np.float32)
        return scores

    return score

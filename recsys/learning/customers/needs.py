"""Needs learnt one horizon earlier: a logistic calibration of score and elapsed time for each horizon."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Ints
from recsys.customers.prediction.needs import NEED_HORIZONS, NeedPairs, NeedsModel, bought_within, need_pairs
from recsys.data.dataset.histories import build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.learning.customers.logistic import fit_calibrated, has_enough
from recsys.models.buy_again import BuyAgain

N_LAGS = 2  # moments a horizon apart that are learnt from
MOST_CUSTOMERS = 10_000  # whose pairs are learnt from
SHORTEST_PAST_DAYS = 56.0


def fit_needs(data: Interactions, learner: BuyAgain, rng: Generator) -> NeedsModel | None:
    """One calibration per horizon, from the histories up to their `now`; None where there is too little to learn."""
    models = {}
    for days in NEED_HORIZONS:
        moments = [data.histories.now - lag * days for lag in range(1, N_LAGS + 1)]
        examples = [
            past_pairs(data, learner, moment, moment + days, rng)
            for moment in moments
            if moment - float(data.histories.at.min(initial=np.inf)) >= SHORTEST_PAST_DAYS
        ]
        outcome = np.concatenate([bought for _, bought in examples]) if examples else np.empty(0, bool)
        if not has_enough(outcome):
            return None
        models[f"within_{days}"] = fit_calibrated(np.concatenate([pairs.features() for pairs, _ in examples]), outcome)
    return NeedsModel(**models)


def past_pairs(
    data: Interactions, learner: BuyAgain, moment: float, until: float, rng: Generator, most: int = MOST_CUSTOMERS
) -> tuple[NeedPairs, Bools]:
    """The pairs of some customers as they were known at a moment, and which were bought from then on, before `until`.

    Times in days since 1970.
    """
    before, after = data.before(moment), replace(data.histories, now=moment)
    model, known = learner.fit(before, rng), before.histories
    if len(known) > most:
        chosen: Ints = np.sort(rng.choice(len(known), most, replace=False)).astype(np.int32)
        known, after = known.take(chosen), after.take(chosen)
    pairs = need_pairs(model, known)
    return pairs, bought_within(after, pairs, until)


def by_category(data: Interactions) -> Interactions:
    """The same with categories in the place of items; items of unknown category are left out."""
    histories = data.histories
    kept = histories.where(data.category[histories.item] > 0)
    renamed = build_histories(
        user=kept.user.astype(np.int32),
        item=data.category[kept.item].astype(np.int32),
        at=kept.at,
        weight=kept.weight,
        kind=kept.kind,
        n_users=len(kept),
        n_items=int(data.category.max(initial=0)) + 1,
        now=kept.now,
    )
    none = np.full(len(renamed.item), -1, np.int32), np.zeros(len(renamed.item), np.float32)
    return Interactions(renamed, *none, np.zeros(renamed.n_items, np.int32))

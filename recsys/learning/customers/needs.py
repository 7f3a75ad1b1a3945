"""Needs learnt one horizon earlier: a logistic calibration of score and elapsed time for each horizon, or the rule."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles, Ints
from recsys.customers.prediction.logistic import LogisticModel
from recsys.customers.prediction.needs import (
    FREQUENCY_FEATURES,
    NEED_FEATURES,
    NEED_HORIZONS,
    NeedPairs,
    NeedsModel,
    bought_within,
    histories_by_category,
    need_pairs,
)
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.learning.customers.logistic import fit_calibrated, has_enough
from recsys.learning.customers.paired_auc import AucComparison, compare_auc
from recsys.models.buy_again import BuyAgain

N_LAGS = 2  # moments a horizon apart that are learnt from
MOST_CUSTOMERS = 10_000  # whose pairs are learnt from
SHORTEST_PAST_DAYS = 56.0


@dataclass(frozen=True, slots=True)
class NeedsFit:
    """judged: the model against the rule of frequency by horizon, by customers; None where it was too early to tell."""

    model: NeedsModel
    judged: Mapping[int, AucComparison | None]


@dataclass(frozen=True, slots=True)
class PastPairs:
    """The pairs of customers as they were known at past moments, each worked out once."""

    data: Interactions
    learner: BuyAgain
    rng: Generator
    _known: dict[float, tuple[NeedPairs, Histories]] = field(default_factory=dict)

    def examples(self, days: float, lags: Sequence[int]) -> tuple[Doubles, Bools]:
        """Features and outcomes at moments so many horizons ago, without those with too short a past.  (N, F), (N,)"""
        now, first = self.data.histories.now, float(self.data.histories.at.min(initial=np.inf))
        moments = [now - lag * days for lag in lags if now - lag * days - first >= SHORTEST_PAST_DAYS]
        parts = [self.outcome(moment, days) for moment in moments]
        features = [np.empty((0, len(NEED_FEATURES))), *(pairs.features() for pairs, _ in parts)]
        return np.concatenate(features), np.concatenate([np.empty(0, bool), *(bought for _, bought in parts)])

    def outcome(self, moment: float, days: float) -> tuple[NeedPairs, Bools]:
        """The pairs at a moment, and which were bought in the days from then on."""
        if moment not in self._known:
            self._known[moment] = _pairs_at(self.data, self.learner, moment, self.rng)
        pairs, later = self._known[moment]
        return pairs, bought_within(later, pairs, moment + days)


def fit_needs(data: Interactions, learner: BuyAgain, rng: Generator) -> NeedsFit | None:
    """One calibration per horizon, from the histories up to their `now`; None where there is too little to learn.

    As for churn: the model is judged at the latest moment as one learnt before, and without a better AUC than the
    rule, beyond noise, the chance by frequency stands there.
    """
    past = PastPairs(data, learner, rng)
    models, judged = dict[str, LogisticModel](), dict[int, AucComparison | None]()
    for days in NEED_HORIZONS:
        features, bought = past.examples(days, range(1, N_LAGS + 1))
        if not has_enough(bought):
            return None
        comparison = judged[days] = _judge(past, days)
        is_better = comparison is not None and comparison.is_better
        models[f"within_{days}"] = fit_calibrated(features, bought, None if is_better else FREQUENCY_FEATURES)
    return NeedsFit(NeedsModel(**models), judged)


def needs_note(fit: NeedsFit) -> dict[str, Any]:
    """What the manifest says: by horizon, the method, and both AUCs with the interval of their difference."""
    return {
        str(days): {"method": fit.model.method(days), **(asdict(judged) if judged is not None else {})}
        for days, judged in fit.judged.items()
    }


def _judge(past: PastPairs, days: int) -> AucComparison | None:
    """The model against the rule at the latest moment whose outcome is known."""
    earlier = past.examples(days, range(2, N_LAGS + 2))
    if not has_enough(earlier[1]):
        return None
    pairs, bought = past.outcome(past.data.histories.now - days, days)
    chance = fit_calibrated(*earlier).probability(pairs.features())
    return compare_auc(bought, chance, pairs.frequency(), pairs.customer)


def past_pairs(
    data: Interactions, learner: BuyAgain, moment: float, until: float, rng: Generator
) -> tuple[NeedPairs, Bools]:
    """The pairs of some customers as they were known at a moment, and which were bought from then on, before `until`.

    Times in days since 1970.
    """
    return PastPairs(data, learner, rng).outcome(moment, until - moment)


def _pairs_at(data: Interactions, learner: BuyAgain, moment: float, rng: Generator) -> tuple[NeedPairs, Histories]:
    """The pairs of MOST_CUSTOMERS customers at most, and the histories of the same of all times."""
    before, after = data.before(moment), replace(data.histories, now=moment)
    model, known = learner.fit(before, rng), before.histories
    if len(known) > MOST_CUSTOMERS:
        chosen: Ints = np.sort(rng.choice(len(known), MOST_CUSTOMERS, replace=False)).astype(np.int32)
        known, after = known.take(chosen), after.take(chosen)
    return need_pairs(model, known), after


def by_category(data: Interactions) -> Interactions:
    """The same with categories in the place of items; items of unknown category are left out."""
    n_categories = int(data.category.max(initial=0)) + 1
    renamed = histories_by_category(data.histories, data.category, n_categories)
    none = np.full(len(renamed.item), -1, np.int32), np.zeros(len(renamed.item), np.float32)
    return Interactions(renamed, *none, np.zeros(n_categories, np.int32))

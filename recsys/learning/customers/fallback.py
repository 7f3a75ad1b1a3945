"""Fallback of a chance to its rule: a logistic model where a back-test finds it better, else the rule of visits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.customers.prediction.churn import METHODS_OF_CHURN, visits_rule
from recsys.customers.prediction.features import FEATURES
from recsys.customers.prediction.logistic import LogisticModel
from recsys.learning.customers.logistic import fit_calibrated, has_enough
from recsys.learning.customers.paired_auc import AucComparison, compare_auc
from recsys.learning.customers.past import Moment, Past
from recsys.time_units import DAY_MS

NONE, VISITS_RULE, LOGISTIC = METHODS_OF_CHURN
RULE_FEATURES = tuple(map(FEATURES.index, ("log_orders_91", "log_recency")))  # the second tells equal visits apart
MOST_JUDGED = 3  # moments that the model is judged at; one alone has few outcomes
TOO_SHORT = "the log is too short: the chance is learnt from what customers did one horizon earlier"
TOO_FEW = "too few customers, or too few of them left, to learn from"


@dataclass(frozen=True, slots=True)
class Examples:
    """Customers at some moments: features (N, F), outcome, the score of the rule, and who it is.  (N,)"""

    features: Doubles
    outcome: Bools
    rule: Doubles
    customer: Ints


@dataclass(frozen=True, slots=True)
class ChanceFit:
    """model: None where the chance cannot be said, with why_not.  method: LOGISTIC or VISITS_RULE.

    judged: the model against the rule at the latest moments whose outcome was known; None where that was too early.
    """

    model: LogisticModel | None
    method: str = VISITS_RULE
    judged: AucComparison | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class ChanceLearner:
    """What is learnt within `horizon_days`, of whom (rows of a moment, (U,)), from how many moments how far apart.

    is_leaving: the chance of no order in the horizon; else that of an order.
    """

    horizon_days: int
    rows: Callable[[Moment], Bools]
    is_leaving: bool
    n_moments: int
    step_days: int

    def fit(self, past: Past) -> ChanceFit:
        """Learnt from moments whose outcomes are known by now.

        The model is judged at the latest of them, as one learnt before.  Without a better AUC than the rule, beyond
        noise, the rule stands: a chance by the visits of 91 days.
        """
        known = self.examples(past, self._moments(past, past.as_of_ms))
        if not len(known.outcome):
            return ChanceFit(None, NONE, why_not=TOO_SHORT)
        if not has_enough(known.outcome):
            return ChanceFit(None, NONE, why_not=TOO_FEW)
        judged = self._judge(past)
        if judged is None or not judged.is_better:
            return ChanceFit(fit_calibrated(known.features, known.outcome, RULE_FEATURES), VISITS_RULE, judged)
        return ChanceFit(fit_calibrated(known.features, known.outcome), LOGISTIC, judged)

    def examples(self, past: Past, moments: Iterable[Moment]) -> Examples:
        """The examples of those moments."""
        parts = [self._examples(past, moment) for moment in moments]
        if not parts:
            return Examples(np.empty((0, len(FEATURES))), np.empty(0, bool), np.empty(0), np.empty(0, np.int32))
        columns = zip(*((p.features, p.outcome, p.rule, p.customer) for p in parts), strict=True)
        return Examples(*map(np.concatenate, columns))

    def _examples(self, past: Past, moment: Moment) -> Examples:
        rows = np.flatnonzero(self.rows(moment))
        left, rule = past.churned(moment, self.horizon_days)[rows], visits_rule(moment.orders, moment.at_ms)[rows]
        outcome, rule = (left, rule) if self.is_leaving else (~left, -rule)
        return Examples(moment.features[rows], outcome, rule, rows.astype(np.int32))

    def _judge(self, past: Past) -> AucComparison | None:
        """At up to MOST_JUDGED moments; fewer where too little would be left to learn from before them."""
        latest_ms, step_ms = past.as_of_ms - self.horizon_days * DAY_MS, self.step_days * DAY_MS
        for n in range(MOST_JUDGED, 0, -1):
            moments = [latest_ms - step * step_ms for step in range(n)]
            earlier = self.examples(past, self._moments(past, moments[-1]))
            if has_enough(earlier.outcome):
                model = fit_calibrated(earlier.features, earlier.outcome)
                tested = self.examples(past, map(past.moment, moments))
                chance = model.probability(tested.features)
                return compare_auc(tested.outcome, chance, tested.rule, tested.customer)
        return None

    def _moments(self, past: Past, until_ms: int) -> Iterable[Moment]:
        return past.moments(until_ms, self.horizon_days, self.n_moments, self.step_days)

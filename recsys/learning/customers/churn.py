"""Churn learnt one horizon earlier: a logistic model, or the rule of visits where the model is no better."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles
from recsys.customers.prediction.churn import METHODS_OF_CHURN, visits_rule
from recsys.customers.prediction.features import FEATURES
from recsys.customers.prediction.logistic import LogisticModel
from recsys.learning.customers.logistic import fit_calibrated, fit_logistic, has_enough
from recsys.learning.customers.paired_auc import AucComparison, compare_auc
from recsys.learning.customers.past import Past
from recsys.time_units import DAY_MS

NONE, VISITS_RULE, LOGISTIC = METHODS_OF_CHURN
RULE_FEATURES = (FEATURES.index("log_orders_91"),)
TOO_SHORT = "the log is too short: churn is learnt from what customers did one horizon earlier"
TOO_FEW = "too few customers, or too few of them left, to learn from"


@dataclass(frozen=True, slots=True)
class ChurnFit:
    """model: None where churn cannot be said, with why_not.  method: LOGISTIC or VISITS_RULE.

    judged: the model against the rule at the latest moment whose outcome was known; None where that was too early.
    """

    horizon_days: int
    model: LogisticModel | None
    method: str = VISITS_RULE
    judged: AucComparison | None = None
    why_not: str = ""


def fit_churn(past: Past, horizon_days: int) -> ChurnFit:
    """Learnt from moments whose outcomes are known by now.

    The model is judged at the latest of them, as one learnt a horizon before it.  Without a better AUC than the rule,
    beyond noise, the rule stands there: the share of leavers by the number of visits.
    """
    features, outcome = churn_examples(past, horizon_days, past.as_of_ms)
    if not len(outcome):
        return ChurnFit(horizon_days, None, NONE, why_not=TOO_SHORT)
    if not has_enough(outcome):
        return ChurnFit(horizon_days, None, NONE, why_not=TOO_FEW)
    rule = fit_logistic(features, outcome, RULE_FEATURES)
    at_ms = past.as_of_ms - horizon_days * DAY_MS
    earlier = churn_examples(past, horizon_days, at_ms)
    if not has_enough(earlier[1]):
        return ChurnFit(horizon_days, rule)
    earlier_model = fit_calibrated(*earlier)
    moment = past.moment(at_ms)
    active = moment.active
    known, left = moment.features[active], past.churned(moment, horizon_days)[active]
    judged = compare_auc(left, earlier_model.probability(known), visits_rule(moment.orders, at_ms)[active])
    if not judged.is_better:
        return ChurnFit(horizon_days, rule, VISITS_RULE, judged)
    return ChurnFit(horizon_days, fit_calibrated(features, outcome), LOGISTIC, judged)


def churn_examples(past: Past, horizon_days: int, until_ms: int) -> tuple[Doubles, Bools]:
    """Features and outcomes of active customers at several moments whose outcomes are known at `until_ms`.

    (N, F), (N,)
    """
    moments = list(past.moments(until_ms, horizon_days))
    if not moments:
        return np.empty((0, len(FEATURES))), np.empty(0, bool)
    features = np.concatenate([moment.features[moment.active] for moment in moments])
    return features, np.concatenate([past.churned(moment, horizon_days)[moment.active] for moment in moments])

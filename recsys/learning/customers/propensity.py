"""Propensity to buy, learnt one horizon earlier: the chance that a customer buys anything within a horizon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles
from recsys.customers.prediction.churn import METHODS_OF_CHURN, visits_rule
from recsys.customers.prediction.features import FEATURES
from recsys.customers.prediction.logistic import LogisticModel
from recsys.learning.customers.logistic import fit_calibrated, fit_logistic, has_enough
from recsys.learning.customers.paired_auc import AucComparison, compare_auc
from recsys.learning.customers.past import Moment, Past
from recsys.time_units import DAY_MS

N_MOMENTS = 4  # a horizon apart, so that neither a season nor a weekday stands for all
RULE_FEATURES = (FEATURES.index("log_orders_91"),)
NONE, VISITS_RULE, LOGISTIC = METHODS_OF_CHURN


@dataclass(frozen=True, slots=True)
class PropensityFit:
    """model: None where nothing can be learnt.  method, judged: as in `ChurnFit`."""

    model: LogisticModel | None
    method: str = VISITS_RULE
    judged: AucComparison | None = None


def fit_propensity(past: Past, horizon_days: int) -> PropensityFit:
    """Of every customer with an order, active or not.

    The model is judged as that of churn is; without a better AUC than the rule, the chance by the number of visits
    stands there.
    """
    examples = _examples(past, horizon_days, past.as_of_ms)
    if examples is None:
        return PropensityFit(None, NONE)
    at_ms = past.as_of_ms - horizon_days * DAY_MS
    earlier = _examples(past, horizon_days, at_ms)
    rule = fit_logistic(*examples, RULE_FEATURES)
    if earlier is None:
        return PropensityFit(rule)
    features, bought = joined([past.moment(at_ms)], past, horizon_days)
    own = ~np.isnan(past.moment(at_ms).features[:, 0])
    chance, visits = fit_calibrated(*earlier).probability(features), -visits_rule(past.moment(at_ms).orders, at_ms)[own]
    judged = compare_auc(bought, chance, visits)
    if not judged.is_better:
        return PropensityFit(rule, VISITS_RULE, judged)
    return PropensityFit(fit_calibrated(*examples), LOGISTIC, judged)


def joined(moments: Sequence[Moment], past: Past, horizon_days: int) -> tuple[Doubles, Bools]:
    """Features of all customers with an order, and whether they bought in the horizon.  (N, F), (N,)"""
    known = [~np.isnan(moment.features[:, 0]) for moment in moments]
    features = [moment.features[rows] for moment, rows in zip(moments, known, strict=True)]
    bought = [~past.churned(moment, horizon_days)[rows] for moment, rows in zip(moments, known, strict=True)]
    return np.concatenate(features), np.concatenate(bought)


def _examples(past: Past, horizon_days: int, until_ms: int) -> tuple[Doubles, Bools] | None:
    moments = list(past.moments(until_ms, horizon_days, N_MOMENTS, step_days=horizon_days))
    examples = joined(moments, past, horizon_days) if moments else None
    return examples if examples is not None and has_enough(examples[1]) else None

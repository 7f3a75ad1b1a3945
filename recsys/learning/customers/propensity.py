"""Propensity to buy, learnt one horizon earlier: the chance that a customer buys anything within a horizon."""

import numpy as np

from recsys.customers.prediction.logistic import LogisticModel
from recsys.learning.customers.logistic import fit_calibrated, has_enough
from recsys.learning.customers.past import Past

N_MOMENTS = 4  # a horizon apart, so that neither a season nor a weekday stands for all


def fit_propensity(past: Past, horizon_days: int) -> LogisticModel | None:
    """Of every customer with an order, active or not; None where there is too little to learn from."""
    moments = list(past.moments(past.as_of_ms, horizon_days, N_MOMENTS, step_days=horizon_days))
    if not moments:
        return None
    known = [~np.isnan(moment.features[:, 0]) for moment in moments]
    features = np.concatenate([moment.features[rows] for moment, rows in zip(moments, known, strict=True)])
    bought = [~past.churned(moment, horizon_days)[rows] for moment, rows in zip(moments, known, strict=True)]
    outcome = np.concatenate(bought)
    return fit_calibrated(features, outcome) if has_enough(outcome) else None

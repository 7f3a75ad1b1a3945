"""Propensity to buy, learnt one horizon earlier: the chance that a customer buys anything within a horizon."""

import numpy as np

from recsys.arrays import Bools
from recsys.learning.customers.fallback import ChanceFit, ChanceLearner
from recsys.learning.customers.past import Moment, Past

N_MOMENTS = 4  # a horizon apart, so that neither a season nor a weekday stands for all


def fit_propensity(past: Past, horizon_days: int) -> ChanceFit:
    """The chance that a customer with an order, active or not, orders within the horizon."""
    learner = ChanceLearner(horizon_days, _buyers, False, N_MOMENTS, horizon_days)
    return learner.fit(past)


def _buyers(moment: Moment) -> Bools:
    return np.asarray(~np.isnan(moment.features[:, 0]), bool)

"""Churn learnt one horizon earlier: a logistic model, or the rule of visits where the model is no better."""

from recsys.learning.customers.fallback import ChanceFit, ChanceLearner
from recsys.learning.customers.past import Past

N_MOMENTS = 3  # learnt from at once
STEP_DAYS = 28  # between them


def fit_churn(past: Past, horizon_days: int) -> ChanceFit:
    """The chance that a customer who was active does not order within the horizon."""
    learner = ChanceLearner(horizon_days, lambda moment: moment.active, True, N_MOMENTS, STEP_DAYS)
    return learner.fit(past)

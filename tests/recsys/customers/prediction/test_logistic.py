"""Logistic model: probabilities, contributions, and a curve that keeps different scores apart."""

import numpy as np
import pytest

from recsys.customers.prediction.logistic import LogisticModel

MODEL = LogisticModel(np.array([1.0, 0.0]), np.array([2.0, 1.0]), np.array([1.0, -1.0]), 0.5)


def test_the_probability_is_that_of_the_log_odds() -> None:
    assert MODEL.probability(np.array([[3.0, 0.0]]))[0] == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert not MODEL.is_calibrated


def test_contributions_and_intercept_sum_to_the_log_odds() -> None:
    assert MODEL.contributions(np.array([[3.0, 0.5]])).tolist() == [[1.0, -0.5]]


def test_an_unknown_feature_gives_no_probability() -> None:
    assert np.isnan(MODEL.probability(np.array([[np.nan, 0.0], [1.0, 0.0]]))).tolist() == [True, False]


def test_a_curve_makes_no_ties_at_the_top() -> None:
    curve = np.array([0.0, 0.4, 1.0]), np.array([0.0, 0.2, 1.0])
    model = LogisticModel(MODEL.centre, MODEL.spread, MODEL.coefficient, MODEL.intercept, *curve)
    chances = model.probability(np.column_stack((np.linspace(-6, 12, 50), np.zeros(50))))
    assert model.is_calibrated
    assert (np.diff(chances) > 0).all()

"""Classification metrics against figures by hand and slow twins."""

import numpy as np
import pytest

from eval.metrics.classification import (
    average_precision,
    calibration_bins,
    calibration_noise,
    classification_metrics,
    lift,
    lift_quality,
)
from recsys.learning.customers.logistic import calibration_error

OUTCOME = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0], bool)
SCORE = np.arange(10, 0, -1) / 10


def test_average_precision_is_that_of_the_thresholds() -> None:
    assert average_precision(OUTCOME, SCORE) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(OUTCOME, np.ones(10)) == pytest.approx(0.2)  # all tied: one threshold
    assert np.isnan(average_precision(np.zeros(3, bool), SCORE[:3]))


def test_average_precision_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    outcome, score = rng.random(500) < 0.2, rng.integers(0, 30, 500).astype(float)
    assert average_precision(outcome, score) == pytest.approx(average_precision_score(outcome, score))


def test_lift_is_the_share_of_the_top_over_that_of_all() -> None:
    assert lift(OUTCOME, SCORE) == 5
    assert lift(OUTCOME, -SCORE) == 0


def test_a_perfect_order_has_lift_quality_one_and_the_reverse_is_below_zero() -> None:
    assert lift_quality(OUTCOME, OUTCOME.astype(float)) == 1
    assert lift_quality(OUTCOME, -OUTCOME.astype(float)) < 0
    assert np.isnan(lift_quality(np.ones(3, bool), SCORE[:3]))


def test_a_rule_has_no_brier_score() -> None:
    assert np.isnan(classification_metrics(OUTCOME, SCORE, is_chance=False).brier)
    assert classification_metrics(OUTCOME, np.full(10, 0.2), is_chance=True).brier == pytest.approx(0.16)


def test_bins_are_tenths_by_chance() -> None:
    bins = calibration_bins(np.linspace(0, 1, 100), np.arange(100) >= 50)
    assert [each.n for each in bins] == [10] * 10
    assert [each.share for each in bins] == [0.0] * 5 + [1.0] * 5
    assert bins[0].chance < bins[9].chance


def test_calibration_noise_is_the_error_of_right_chances() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(1_000)
    errors = [calibration_error(chance, rng.random(1_000) < chance) for _ in range(200)]
    assert calibration_noise(chance) == pytest.approx(np.mean(errors), rel=0.05)

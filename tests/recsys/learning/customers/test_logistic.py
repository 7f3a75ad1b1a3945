"""Logistic regression learnt, and its calibration where the chances are off."""

import numpy as np

from recsys.learning.customers.logistic import (
    MOST_ERROR,
    calibration_error,
    fit_calibrated,
    fit_logistic,
    has_enough,
)


def test_only_the_named_features_count() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 3))
    model = fit_logistic(features, features[:, 0] + rng.normal(size=500) > 0, only=[1])
    assert np.flatnonzero(model.coefficient).tolist() == [1]


def test_a_wrong_shape_is_calibrated_and_keeps_its_order() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (8_000, 1))
    outcome = rng.random(8_000) < np.where(x[:, 0] < 0, 0.05, 0.3 + 0.2 * x[:, 0] / 3)
    plain, curved = fit_logistic(x, outcome), fit_calibrated(x, outcome)
    assert curved.is_calibrated
    new = rng.uniform(-3, 3, (8_000, 1))
    truth = rng.random(8_000) < np.where(new[:, 0] < 0, 0.05, 0.3 + 0.2 * new[:, 0] / 3)
    assert calibration_error(curved.probability(new), truth) < calibration_error(plain.probability(new), truth) / 2
    order = np.argsort(plain.probability(new))
    assert (np.diff(curved.probability(new)[order]) >= 0).all()
    assert len(np.unique(curved.probability(new))) == len(np.unique(plain.probability(new)))


def test_right_chances_stay_as_they_are() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 1))
    outcome = rng.random(20_000) < 1 / (1 + np.exp(-x[:, 0]))
    model = fit_calibrated(x, outcome)
    assert not model.is_calibrated
    assert calibration_error(model.probability(x), outcome) <= MOST_ERROR


def test_few_examples_or_outcomes_are_not_enough() -> None:
    assert not has_enough(np.zeros(1_000, bool))
    assert not has_enough(np.arange(100) < 50)
    assert has_enough(np.arange(1_000) < 500)


def test_a_feature_that_never_changes_up_to_rounding_says_nothing_of_others() -> None:
    rng = np.random.default_rng(0)
    useful = rng.normal(size=400)
    noise = np.full(400, 1.1) + np.where(np.arange(400) % 2, 2e-16, 0.0)
    model = fit_logistic(np.column_stack([useful, noise]), useful + rng.normal(size=400) > 0)
    np.testing.assert_allclose(
        model.probability(np.array([[0.3, 1.1], [0.3, 1.4]])), model.probability(np.array([[0.3, 1.1]]))[0], atol=1e-6
    )

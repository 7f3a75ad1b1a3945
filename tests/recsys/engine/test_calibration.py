"""Calibration: the curve finds planted probabilities, and lists are merged by probability."""

import numpy as np
import pytest

from recsys.engine.calibration import (
    Calibration,
    calibration_arrays,
    fit_calibration,
    interleaved,
    merged_by_probability,
    read_calibrations,
)
from recsys.models.candidates import Candidates

ONE = np.ones(1, np.int64)


def candidates(*items: int) -> Candidates:
    return Candidates(np.array(items, np.int32), np.linspace(1.0, 0.5, len(items)).astype(np.float32))


def test_the_curve_finds_the_planted_probability() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(40_000).astype(np.float32)
    curve = fit_calibration(scores, ONE.repeat(40_000), rng.random(40_000) < scores * 0.5)
    assert curve is not None
    assert curve.size_power == 0
    np.testing.assert_allclose(curve.apply(np.array([0.2, 0.5, 0.8], np.float32), 1), [0.1, 0.25, 0.4], atol=0.03)


def test_equal_scores_mean_more_for_a_customer_who_buys_more() -> None:
    rng = np.random.default_rng(0)
    scores, n_events = rng.random(40_000).astype(np.float32), rng.choice([1, 100], 40_000)
    curve = fit_calibration(scores, n_events, rng.random(40_000) < 0.06 * scores * n_events**0.5)
    assert curve is not None
    assert curve.size_power == 0.5
    few, many = (curve.apply(np.array([0.5, 0.9], np.float32), n) for n in (1, 100))
    np.testing.assert_allclose(many, [0.3, 0.54], atol=0.04)
    assert (few < 0.1).all()
    assert read_calibrations(calibration_arrays({"discover": curve}))["discover"].size_power == 0.5


def test_a_curve_of_an_older_release_knows_no_number_of_events() -> None:
    arrays = {"discover/scores": np.array([0.0, 1.0]), "discover/chances": np.array([0.0, 0.5])}
    curve = read_calibrations(arrays)["discover"]
    assert curve.apply(np.array([0.5], np.float32), 100).tolist() == [0.25]


def test_the_curve_rises_and_keeps_the_order_of_scores() -> None:
    rng = np.random.default_rng(1)
    curve = fit_calibration(rng.random(5_000).astype(np.float32), ONE.repeat(5_000), rng.random(5_000) < 0.3)
    assert curve is not None
    assert np.all(np.diff(curve.probabilities) > 0)


def test_too_few_examples_give_no_curve() -> None:
    assert fit_calibration(np.ones(999, np.float32), ONE.repeat(999), np.ones(999, bool)) is None


def test_the_more_probable_purchase_comes_first_whatever_its_score() -> None:
    sure, unsure = (
        Calibration(np.array([0.0, 1.0]), np.array([0.0, 0.9])),
        Calibration(np.array([0.0, 1.0]), np.array([0.0, 0.6])),
    )
    parts = [candidates(1, 2), candidates(3, 1)]
    chances = [curve.apply(part.scores, 1) for part, curve in zip(parts, (unsure, sure), strict=True)]
    merged = merged_by_probability(parts, chances)
    assert [(item, part) for item, _, part in merged] == [(3, 1), (1, 0), (2, 0)]
    assert [score for _, score, _ in merged] == pytest.approx([0.9, 0.6, 0.3])


def test_two_lists_are_interleaved_by_the_repeat_share() -> None:
    merged = interleaved([candidates(1, 2, 3, 4), candidates(11, 12, 13, 14)], 0.25)
    assert [(item, part) for item, _, part in merged[:4]] == [(11, 1), (1, 0), (12, 1), (13, 1)]
    assert sorted(item for item, _, _ in merged) == [1, 2, 3, 4, 11, 12, 13, 14]


def test_the_curve_rises_over_scores_that_are_equal() -> None:
    rng = np.random.default_rng(291)
    rng.integers(2_000, 60_000)
    scores = np.repeat(rng.random(40).astype(np.float32), 124)  # in float32, means of such equal scores fall
    curve = fit_calibration(scores, ONE.repeat(len(scores)), rng.random(len(scores)) < scores)
    assert curve is not None
    assert (np.diff(curve.scores) >= 0).all()

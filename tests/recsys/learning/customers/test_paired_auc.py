"""AUC and DeLong's test against their slow twins."""

import numpy as np
import pytest

from recsys.learning.customers.paired_auc import auc, compare_auc


def test_auc_is_the_share_of_pairs_in_order_with_ties_as_halves() -> None:
    rng = np.random.default_rng(0)
    outcome, score = rng.random(60) < 0.4, rng.integers(0, 6, 60).astype(float)
    pairs = [(a > b) + (a == b) / 2 for a in score[outcome] for b in score[~outcome]]
    assert auc(outcome, score) == pytest.approx(np.mean(pairs))
    assert np.isnan(auc(np.ones(3, bool), np.arange(3.0)))
    assert np.isnan(auc(np.array([True, False, True]), np.array([np.nan, 1, 2])))


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        outcome = rng.random(200) < 0.3
        shared = outcome + rng.normal(0, 1, 200)
        one, other = shared + rng.normal(0, 0.5, 200), shared + rng.normal(0, 0.5, 200)
        result = compare_auc(outcome, one, other)
        covered += result.low <= 0 <= result.high
    assert 0.92 <= covered / 300 <= 0.98


def test_a_score_against_itself_is_no_better() -> None:
    outcome, score = np.array([1, 0, 1, 0], bool), np.array([0.9, 0.1, 0.8, 0.3])
    result = compare_auc(outcome, score, score)
    assert (result.low, result.high, result.is_better) == (0, 0, False)
    assert np.isnan(compare_auc(np.array([True, False]), score[:2], score[:2]).low)


def test_examples_of_one_customer_count_as_one() -> None:
    rng = np.random.default_rng(2)
    outcome = rng.random(300) < 0.3
    one, other = outcome + rng.normal(0, 1, 300), outcome + rng.normal(0, 1, 300)
    alone = compare_auc(outcome, one, other)
    twice = compare_auc(np.tile(outcome, 2), np.tile(one, 2), np.tile(other, 2), np.tile(np.arange(300), 2))
    assert (twice.low, twice.high) == pytest.approx((alone.low, alone.high), abs=1e-3)


def test_the_interval_is_that_of_drawing_customers() -> None:
    rng = np.random.default_rng(3)
    customer = np.repeat(np.arange(80), 6)
    taste = rng.normal(0, 1, 80)[customer]
    outcome = rng.random(480) < 1 / (1 + np.exp(1 - taste))
    one, other = taste + rng.normal(0, 0.6, 480), taste + rng.normal(0, 0.6, 480)
    result = compare_auc(outcome, one, other, customer)
    drawn = (np.concatenate([np.flatnonzero(customer == each) for each in rng.integers(0, 80, 80)]) for _ in range(300))
    differences = [auc(outcome[rows], one[rows]) - auc(outcome[rows], other[rows]) for rows in drawn]
    assert (result.high - result.low) / 2 / 1.96 == pytest.approx(np.std(differences), rel=0.15)

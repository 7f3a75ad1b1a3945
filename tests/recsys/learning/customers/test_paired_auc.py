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

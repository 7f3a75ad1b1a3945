"""An interval is where the mean would be for other customers of the same kind."""

import numpy as np
import pytest

from eval.stats import bootstrap as module
from eval.stats.intervals import intervals
from recsys.errors import BadInput


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_interval_is_the_textbook_one_where_the_textbook_has_one() -> None:
    scores = rng(1).normal(0.3, 0.2, (2_000, 2))
    half = 1.96 * scores.std(axis=0) / np.sqrt(2_000)
    expected = np.column_stack((scores.mean(axis=0) - half, scores.mean(axis=0) + half))
    np.testing.assert_allclose(intervals(scores, rng(), 4_000), expected, atol=float(half.max()) / 8)


def test_it_agrees_with_resampling_one_customer_after_the_other() -> None:
    scores = rng(2).random((40, 1))
    scores[:5] = np.nan
    chance = rng(3)
    slow = []
    for _ in range(4_000):
        drawn = [scores[chance.integers(0, 40), 0] for _ in range(40)]
        slow.append(np.nanmean(drawn))
    np.testing.assert_allclose(intervals(scores, rng(), 4_000)[0], np.quantile(slow, (0.025, 0.975)), atol=0.01)


def test_who_was_not_judged_does_not_pull_the_interval_to_0() -> None:
    low, high = intervals(np.array([[0.5], [0.5], [np.nan], [np.nan]]), rng())[0]
    assert (low, high) == (0.5, 0.5)


def test_a_column_in_which_nobody_was_judged_has_no_interval() -> None:
    assert np.isnan(intervals(np.full((3, 1), np.nan), rng())).all()


def test_the_same_seed_gives_the_same_interval_however_many_blocks_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = rng(4).random((50, 3))
    whole = intervals(scores, rng())
    np.testing.assert_array_equal(whole, intervals(scores, rng()))
    monkeypatch.setattr(module, "_BLOCK", 50 * 7)
    np.testing.assert_allclose(whole, intervals(scores, rng()))


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(BadInput, match="999 resamples"):
        intervals(np.ones((2, 1)), rng(), 999)

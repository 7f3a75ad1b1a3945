"""Bootstrap: a customer is drawn with the scores of all windows, and the intervals are those of the textbook."""

import numpy as np
import pytest

from eval.stats import bootstrap as module
from eval.stats.bootstrap import (
    MIN_RESAMPLES,
    KeptDraws,
    ResampledColumn,
    Spread,
    StreamedDraws,
    resampled_means,
    two_sided,
)
from eval.stats.bootstrap import spreads as spreads_of
from recsys.arrays import Doubles
from recsys.errors import BadInput


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def spreads(columns: list[ResampledColumn], chance: np.random.Generator, n: int = 2_000) -> list[Spread]:
    return spreads_of(columns, KeptDraws.draw(len(columns[0].total), chance, n))


def test_the_mean_is_over_all_scores_of_all_customers() -> None:
    column = ResampledColumn(total=np.array([1.0, 0.5, 0.0]), judged=np.array([2.0, 1.0, 0.0]))
    (spread,) = spreads([column], rng())
    assert spread.mean == 0.5
    assert spread.n_customers == 2


def test_windows_of_the_same_customers_are_no_new_customers() -> None:
    """Three windows in which everybody does as before say no more than one; three with other people do."""
    scores = rng(1).random(200)
    once = ResampledColumn.from_scores(scores)
    thrice = ResampledColumn(scores * 3, np.full(200, 3.0))
    others = ResampledColumn.from_scores(np.tile(scores, 3))
    widths = [spread.high - spread.low for spread in spreads([once, thrice], rng())]
    (wide,) = spreads([others], rng())
    assert widths[0] == pytest.approx(widths[1], abs=1e-6)
    assert wide.high - wide.low == pytest.approx(widths[0] / np.sqrt(3), rel=0.15)


def test_it_agrees_with_drawing_one_customer_after_the_other() -> None:
    total, judged = rng(2).random(30), rng(3).integers(0, 4, 30).astype(np.float64)
    column = ResampledColumn(total * judged, judged)
    chance = rng(4)
    slow = []
    for _ in range(4_000):
        drawn = [int(chance.integers(0, 30)) for _ in range(30)]
        slow.append(sum(column.total[d] for d in drawn) / sum(column.judged[d] for d in drawn))
    (spread,) = spreads([column], rng(), 4_000)
    assert (spread.low, spread.high) == pytest.approx(tuple(np.quantile(slow, (0.025, 0.975))), abs=0.01)


def test_all_columns_are_drawn_together() -> None:
    """So a column and its mirror have mirrored intervals, and each stands as it would alone."""
    column = ResampledColumn.from_scores(rng(5).random(50))
    ahead, behind = spreads([column, ResampledColumn(-column.total, column.judged)], rng())
    assert (ahead.low, ahead.high) == pytest.approx((-behind.high, -behind.low))
    (alone,) = spreads([column], rng())
    assert (alone.mean, alone.low, alone.high) == pytest.approx((ahead.mean, ahead.low, ahead.high))


def test_a_column_in_which_nobody_counts_has_no_figure() -> None:
    (spread, other) = spreads(
        [ResampledColumn.from_scores(np.full(5, np.nan)), ResampledColumn.from_scores(np.ones(5))], rng()
    )
    assert np.isnan([spread.mean, spread.low, spread.high, spread.p]).all()
    assert (other.mean, other.low, other.high) == (1.0, 1.0, 1.0)


def test_samples_in_which_nobody_counts_are_left_out() -> None:
    scores: Doubles = np.full(20, np.nan)
    scores[0] = 0.5
    (spread,) = spreads([ResampledColumn.from_scores(scores)], rng())
    assert (spread.low, spread.high) == (0.5, 0.5)


def test_luck_is_never_impossible() -> None:
    assert two_sided(np.ones(1_999)) == 2 / 2_000
    assert two_sided(np.zeros(1_999)) == 1.0
    assert two_sided(np.concatenate((np.ones(975), -np.ones(25)))) == 2 * 26 / 1_001


def test_too_few_resamples_are_refused_here_too() -> None:
    with pytest.raises(BadInput, match="999 resamples"):
        resampled_means(np.ones((2, 1)), np.ones((2, 1)), rng(), 999)
    with pytest.raises(BadInput, match="999 resamples"):
        KeptDraws.draw(2, rng(), 999)


def test_no_column_has_no_spread() -> None:
    assert spreads_of([], KeptDraws.draw(3, rng())) == []


def intervals(scores: Doubles, n_resamples: int = MIN_RESAMPLES) -> Doubles:
    """Low and high of each column: (Q, M) -> (M, 2)."""
    columns = [ResampledColumn.from_scores(column) for column in scores.T]
    return np.array([(spread.low, spread.high) for spread in spreads_of(columns, StreamedDraws(0, n_resamples))])


def test_the_interval_is_the_textbook_one_where_the_textbook_has_one() -> None:
    scores = rng(1).normal(0.3, 0.2, (2_000, 2))
    half = 1.96 * scores.std(axis=0) / np.sqrt(2_000)
    expected = np.column_stack((scores.mean(axis=0) - half, scores.mean(axis=0) + half))
    np.testing.assert_allclose(intervals(scores, 4_000), expected, atol=float(half.max()) / 8)


def test_it_agrees_with_resampling_one_customer_after_the_other() -> None:
    scores = rng(2).random((40, 1))
    scores[:5] = np.nan
    chance = rng(3)
    slow = []
    for _ in range(4_000):
        drawn = [scores[chance.integers(0, 40), 0] for _ in range(40)]
        slow.append(np.nanmean(drawn))
    np.testing.assert_allclose(intervals(scores, 4_000)[0], np.quantile(slow, (0.025, 0.975)), atol=0.01)


def test_who_was_not_judged_does_not_pull_the_interval_to_0() -> None:
    low, high = intervals(np.array([[0.5], [0.5], [np.nan], [np.nan]]))[0]
    assert (low, high) == (0.5, 0.5)


def test_a_column_in_which_nobody_was_judged_has_no_interval() -> None:
    assert np.isnan(intervals(np.full((3, 1), np.nan))).all()


def test_the_same_seed_gives_the_same_interval_however_many_blocks_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = rng(4).random((50, 3))
    whole = intervals(scores)
    np.testing.assert_array_equal(whole, intervals(scores))
    monkeypatch.setattr(module, "_BLOCK", 50 * 7)
    np.testing.assert_allclose(whole, intervals(scores))


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(BadInput, match="999 resamples"):
        intervals(np.ones((2, 1)), 999)

"""A customer is drawn with all scores, in whichever window they were earned."""

import numpy as np
import pytest

from eval.stats.bootstrap import Draws, ResampledColumn, Spread, resampled_means, two_sided
from eval.stats.bootstrap import spreads as spreads_of
from recsys.arrays import Doubles
from recsys.errors import BadInput


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def spreads(columns: list[ResampledColumn], chance: np.random.Generator, n: int = 2_000) -> list[Spread]:
    return spreads_of(columns, Draws.of(len(columns[0].total), chance, n))


def test_the_mean_is_over_all_scores_of_all_customers() -> None:
    column = ResampledColumn(total=np.array([1.0, 0.5, 0.0]), judged=np.array([2.0, 1.0, 0.0]))
    (found,) = spreads([column], rng())
    assert found.mean == 0.5
    assert found.n_customers == 2


def test_windows_of_the_same_customers_are_no_new_customers() -> None:
    """Three windows in which everybody does as before say no more than one; three with other people do."""
    scores = rng(1).random(200)
    once = ResampledColumn.of(scores)
    thrice = ResampledColumn(scores * 3, np.full(200, 3.0))
    others = ResampledColumn.of(np.tile(scores, 3))
    widths = [found.high - found.low for found in spreads([once, thrice], rng())]
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
    (found,) = spreads([column], rng(), 4_000)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(slow, (0.025, 0.975))), abs=0.01)


def test_all_columns_are_drawn_together() -> None:
    """So a column and its mirror have mirrored intervals, and each stands as it would alone."""
    column = ResampledColumn.of(rng(5).random(50))
    ahead, behind = spreads([column, ResampledColumn(-column.total, column.judged)], rng())
    assert (ahead.low, ahead.high) == pytest.approx((-behind.high, -behind.low))
    (alone,) = spreads([column], rng())
    assert (alone.mean, alone.low, alone.high) == pytest.approx((ahead.mean, ahead.low, ahead.high))


def test_a_column_in_which_nobody_counts_has_no_figure() -> None:
    (found, other) = spreads([ResampledColumn.of(np.full(5, np.nan)), ResampledColumn.of(np.ones(5))], rng())
    assert np.isnan([found.mean, found.low, found.high, found.p]).all()
    assert (other.mean, other.low, other.high) == (1.0, 1.0, 1.0)


def test_samples_in_which_nobody_counts_are_left_out() -> None:
    scores: Doubles = np.full(20, np.nan)
    scores[0] = 0.5
    (found,) = spreads([ResampledColumn.of(scores)], rng())
    assert (found.low, found.high) == (0.5, 0.5)


def test_luck_is_never_impossible() -> None:
    assert two_sided(np.ones(1_999)) == 2 / 2_000
    assert two_sided(np.zeros(1_999)) == 1.0
    assert two_sided(np.concatenate((np.ones(975), -np.ones(25)))) == 2 * 26 / 1_001


def test_too_few_resamples_are_refused_here_too() -> None:
    with pytest.raises(BadInput, match="999 resamples"):
        resampled_means(np.ones((2, 1)), np.ones((2, 1)), rng(), 999)
    with pytest.raises(BadInput, match="999 resamples"):
        Draws.of(2, rng(), 999)


def test_no_column_has_no_spread() -> None:
    assert spreads_of([], Draws.of(3, rng())) == []

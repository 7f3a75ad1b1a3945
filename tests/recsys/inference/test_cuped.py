"""CUPED: narrower by what the time before foretells, and equal to Welch where it foretells nothing."""

import numpy as np
import pytest

from recsys.inference.cuped import cuped
from recsys.inference.welch import welch


def test_the_interval_narrows_by_the_correlation_with_the_time_before() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(100, 50, 8_000)
    after = 0.8 * before + rng.normal(0, 30, 8_000)  # correlation 0.8
    plain = welch(after[:4_000] + 5, after[4_000:])
    narrow = cuped(after[:4_000] + 5, after[4_000:], before[:4_000], before[4_000:])
    assert (narrow.high - narrow.low) / (plain.high - plain.low) == pytest.approx(0.6, abs=0.02)
    assert narrow.low < 5 < narrow.high
    assert narrow.p < plain.p


def test_a_chance_difference_before_is_taken_out() -> None:
    treated, control = np.array([10.0, 20, 30, 40]), np.array([2.0, 12, 22, 32])
    effect = cuped(treated + 1, control, treated, control)
    assert effect.difference == pytest.approx(1, abs=0.15)  # the plain difference is 9
    assert effect.method == "cuped"


def test_a_time_before_that_does_not_vary_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    treated, control = rng.gamma(1, 10, 30), rng.gamma(1, 10, 20)
    effect = cuped(treated, control, np.zeros(30), np.zeros(20))
    assert (effect.difference, effect.p) == pytest.approx(
        (welch(treated, control).difference, welch(treated, control).p)
    )


def test_two_empty_arms_have_no_effect() -> None:
    assert np.isnan(cuped(*(np.empty(0),) * 4).difference)


def test_equal_arms_of_skewed_money_raise_five_percent_of_false_alarms() -> None:
    rng = np.random.default_rng(11)
    before = rng.gamma(0.6, 300, 600)
    after = 0.4 * before + rng.gamma(0.5, 60, 600)
    p = np.empty((800, 2))
    for draw in range(len(p)):
        treated = rng.random(600) < 0.5
        arms = after[treated], after[~treated]
        p[draw] = welch(*arms).p, cuped(*arms, before[treated], before[~treated]).p
    assert np.abs((p < 0.05).mean(axis=0) - 0.05).max() < 0.02


@pytest.mark.slow
def test_effects_are_those_of_tea_tasting() -> None:
    from tests.bench.campaigns.oracle import farthest

    assert farthest(200) < 1e-6

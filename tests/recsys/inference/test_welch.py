"""Welch's test: equal to SciPy's, and honest about arms without a variance."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from recsys.inference.welch import welch


@pytest.mark.parametrize("seed", range(5))
def test_the_effect_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    treated, control = rng.gamma(0.6, 200, 90 + seed), rng.gamma(0.5, 150, 13)
    effect, twin = welch(treated, control), ttest_ind(treated, control, equal_var=False)
    interval = twin.confidence_interval(0.95)
    assert effect.p == pytest.approx(twin.pvalue, rel=1e-9)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert effect.relative == pytest.approx(treated.mean() / control.mean() - 1)
    assert effect.is_clear == (effect.p < 0.05)


def test_an_arm_of_one_customer_has_no_interval() -> None:
    effect = welch(np.array([5.0]), np.array([1.0, 2.0]))
    assert np.isnan([effect.difference, effect.low, effect.high, effect.p]).all()
    assert not effect.is_clear


@pytest.mark.parametrize(("value", "p"), [(3.0, 0.0), (1.0, 1.0)])
def test_arms_that_do_not_vary_differ_for_sure_or_not_at_all(value: float, p: float) -> None:
    effect = welch(np.full(4, value), np.full(9, 1.0))
    assert (effect.low, effect.high, effect.p) == (value - 1, value - 1, p)


def test_a_share_of_nothing_is_not_given() -> None:
    assert np.isnan(welch(np.ones(3), np.zeros(3)).relative)


@pytest.mark.parametrize(("value", "is_unseen"), [(0.0, True), (1.0, False)])
def test_what_no_customer_had_is_unseen(value: float, is_unseen: bool) -> None:
    assert welch(np.full(4, value), np.full(9, value)).is_unseen is is_unseen

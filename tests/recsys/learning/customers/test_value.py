"""Value learnt: the window stands unless another method is closer beyond noise; the interval covers what it says."""

import numpy as np
import pytest

from recsys.customers.orders import Orders
from recsys.customers.prediction.value import METHODS, VALUE_DAYS, value_at, window_value
from recsys.learning.customers.past import Past
from recsys.learning.customers.value import ValueBacktest, fit_value, pick_method, value_backtest
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import AS_OF_MS, leaving_world, orders_of_days


@pytest.fixture(scope="module")
def world() -> Orders:
    return leaving_world()


def backtest_with(**errors: float) -> ValueBacktest:
    rng = np.random.default_rng(0)
    actual = rng.gamma(2, 50, 500)
    return ValueBacktest(0, {name: actual + errors[name] + rng.normal(0, 1, 500) for name in METHODS}, actual)


def test_the_window_stands_where_it_is_as_good() -> None:
    method, why = pick_method([backtest_with(window=5, simple=9, bg_nbd=5, combined=5)])
    assert (method, why) == ("window", "no method was closer than the last window, beyond noise")


def test_a_closer_method_is_picked_and_says_by_how_much() -> None:
    method, why = pick_method([backtest_with(window=9, simple=7, bg_nbd=3, combined=6)])
    assert method == "bg_nbd"
    assert why.startswith("closer than the last window by ")


def test_the_combination_is_half_window_and_half_model(world: Orders) -> None:
    test = value_backtest(Past(world, AS_OF_MS), AS_OF_MS - VALUE_DAYS * DAY_MS, np.random.default_rng(0))
    assert test is not None
    half = (test.forecasts["window"] + test.forecasts["bg_nbd"]) / 2
    np.testing.assert_allclose(test.forecasts["combined"], half)


def test_a_value_has_an_interval_that_covers_about_eight_of_ten(world: Orders) -> None:
    before = AS_OF_MS - VALUE_DAYS * DAY_MS
    fit = fit_value(Past(world, before), np.random.default_rng(0))
    assert fit is not None
    value = value_at(fit.model, world.until(before), before)
    low, high = fit.model.interval(value)
    actual = window_value(world, AS_OF_MS)
    known = ~np.isnan(value)
    assert 0.7 <= ((actual >= low - 1e-6) & (actual <= high + 1e-6))[known].mean() <= 0.95


def test_no_backtest_without_two_horizons(world: Orders) -> None:
    past = Past(world.until(100 * DAY_MS), 100 * DAY_MS)
    assert value_backtest(past, 50 * DAY_MS, np.random.default_rng(0)) is None
    fit = fit_value(past, np.random.default_rng(0))
    assert fit is not None
    assert (fit.tested, METHODS[fit.model.method]) == (None, "window")


def test_too_few_buyers_have_no_value() -> None:
    few = orders_of_days(np.arange(10, dtype=np.int32), np.full(10, 50.0))
    assert fit_value(Past(few, AS_OF_MS), np.random.default_rng(0)) is None

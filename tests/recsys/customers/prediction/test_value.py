"""Value: BG/NBD and Gamma-Gamma against the published CDNOW figures, rules, classes and intervals."""

from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.customers.prediction.value import (
    BgNbd,
    GammaGamma,
    RepeatSummary,
    ValueModel,
    discount_factor,
    margin_share,
    repeat_purchases,
    simple_value,
    value_at,
    value_classes,
    window_value,
)
from recsys.learning.customers.value import fit_bg_nbd, fit_gamma_gamma
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import AS_OF_MS, leaving_world, orders_of_days

NOW = 200 * DAY_MS
ORDERS = orders_of_days(np.array([0, 0, 0, 1]), np.array([100.0, 100.5, 190.0, 195.0]), np.array([5.0, 7, 30, 8]), 3)


def cdnow(table: str) -> pl.DataFrame:
    """CDNOW as the package `lifetimes` holds it; no code of the package runs."""
    return pl.read_csv(Path(str(distribution("lifetimes").locate_file("lifetimes"))) / "datasets" / f"{table}.csv")


def summary(*columns: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> RepeatSummary:
    return RepeatSummary(*(np.asarray(column, np.float64) for column in columns))


@pytest.fixture(scope="module")
def cdnow_past() -> RepeatSummary:
    frame = cdnow("cdnow_customers_summary")
    x, t_x, age = (frame[name].to_numpy() for name in ("frequency", "recency", "T"))
    return summary(x, t_x, age, np.zeros(len(x)), np.ones(len(x)))


@pytest.fixture(scope="module")
def cdnow_model(cdnow_past: RepeatSummary) -> BgNbd:
    return fit_bg_nbd(cdnow_past)


def test_bg_nbd_on_cdnow_is_that_of_the_paper(cdnow_past: RepeatSummary, cdnow_model: BgNbd) -> None:
    # Fader, Hardie & Lee 2005, table 1.
    assert cdnow_model.r == pytest.approx(0.243, abs=0.001)
    assert cdnow_model.alpha == pytest.approx(4.414, abs=0.005)
    assert cdnow_model.a == pytest.approx(0.793, abs=0.002)
    assert cdnow_model.b == pytest.approx(2.426, abs=0.005)
    assert cdnow_model.log_likelihood(cdnow_past).sum() == pytest.approx(-9582.4, abs=0.1)


def test_expected_purchases_are_those_of_the_paper(cdnow_model: BgNbd) -> None:
    one = summary([2.0], [30.43], [38.86], [0.0], [1.0])  # type: ignore[arg-type]
    assert cdnow_model.expected_purchases(one, 39 * 7)[0] == pytest.approx(1.226, abs=0.001)
    assert cdnow_model.alive(one)[0] == pytest.approx(0.72, abs=0.01)


def test_gamma_gamma_on_cdnow_is_that_of_the_note() -> None:
    frame = cdnow("cdnow_customers_summary_with_transactions")
    x, mean = frame["x"].to_numpy().astype(float), frame["zbar"].to_numpy()
    zero = np.zeros(len(x))
    model = fit_gamma_gamma(summary(x, zero, zero, mean, mean))
    assert (model.p, model.q, model.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)


def test_repeat_purchases_count_days_after_the_first() -> None:
    past = repeat_purchases(ORDERS, NOW)
    assert past.frequency.tolist() == [1, 0, 0]
    assert past.mean_money[0] == 30
    assert past.recency[0] == pytest.approx(90 / 7)
    assert past.age[:2] == pytest.approx([100 / 7, 5 / 7])
    assert past.known.tolist() == [True, True, False]


def test_the_window_and_the_simple_rule_are_what_they_say() -> None:
    assert window_value(ORDERS, NOW).tolist() == [30, 8, 0]
    assert simple_value(repeat_purchases(ORDERS, NOW))[:2] == pytest.approx([42 / 100 * 91, 8 / 28 * 91])


def test_later_money_counts_less() -> None:
    assert discount_factor(0.0) == 1
    days = np.arange(91) + 0.5
    assert discount_factor(0.1) == pytest.approx(np.mean(1.1 ** (-days / 365)), rel=1e-5)


def test_a_value_is_blank_without_an_order_and_its_interval_too() -> None:
    bands = np.array([0.0, 10.0]), np.array([0.0, 0.5]), np.array([4.0, 2.0])
    model = ValueModel(0, 0.0, BgNbd(1, 1, 1.5, 1), GammaGamma(1, 2, 1), *bands)
    value = value_at(model, ORDERS, NOW)
    assert value.tolist()[:2] == [30, 8]
    assert np.isnan(value[2])
    low, high = model.interval(value)
    assert (low.tolist()[:2], high.tolist()[:2]) == ([15, 0], [60, 4])
    assert np.isnan((low[2], high[2])).all()


def test_classes_follow_shares_and_equal_values_share_one() -> None:
    classes = value_classes(np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 7, np.nan]))
    assert classes.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, -1]
    assert value_classes(np.arange(1.0, 11.0)).tolist() == [0] * 5 + [1] * 3 + [2] * 2


def test_margin_is_unknown_where_costs_are() -> None:
    assert np.isnan(margin_share(ORDERS)).all()


def test_later_orders_change_no_value() -> None:
    orders = leaving_world(100)
    model = ValueModel(1, 0.1, BgNbd(1, 1, 1.5, 1), GammaGamma(1, 2, 1), np.zeros(1), np.zeros(1), np.ones(1))
    at_ms = AS_OF_MS // 2
    np.testing.assert_array_equal(
        value_at(model, orders.until(at_ms), at_ms), value_at(model, orders.until(AS_OF_MS).until(at_ms), at_ms)
    )

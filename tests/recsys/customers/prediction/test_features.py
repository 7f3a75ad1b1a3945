"""Activity features: what a customer did before the moment, and nothing of what came after it."""

import numpy as np
import pytest

from recsys.customers.prediction.features import FEATURES, activity_features, order_counts, recency_days
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import AS_OF_MS, leaving_world, orders_of_days

USERS, DAYS = np.array([0, 0, 0, 1]), np.array([100.0, 110.0, 190.0, 195.0])
NOW = 200 * DAY_MS


def feature(name: str, customer: int) -> float:
    orders = orders_of_days(USERS, DAYS, n_customers=3)
    return float(np.expm1(activity_features(orders, NOW)[customer, FEATURES.index(name)]))


def test_recency_frequency_and_money_are_those_of_the_windows() -> None:
    assert feature("log_recency", 0) == pytest.approx(10)
    assert feature("log_orders_28", 0) == pytest.approx(1)
    assert feature("log_orders_91", 0) == pytest.approx(2)
    assert feature("log_orders", 0) == pytest.approx(3)
    assert feature("log_money_91", 0) == pytest.approx(20)
    assert feature("log_tenure", 0) == pytest.approx(100)


def test_gaps_of_a_customer_are_median_and_longest() -> None:
    assert feature("log_longest_gap", 0) == pytest.approx(80)
    assert feature("log_longest_gap", 1) == pytest.approx(5)  # a single order: the age stands for the gap


def test_a_customer_without_an_order_has_no_features() -> None:
    assert np.isnan(activity_features(orders_of_days(USERS, DAYS, n_customers=3), NOW)[2]).all()
    assert recency_days(orders_of_days(USERS, DAYS, n_customers=3), NOW)[2] == np.inf


def test_later_orders_change_no_feature() -> None:
    orders = leaving_world(200)
    early = orders.until(150 * DAY_MS)
    later = orders.until(AS_OF_MS).until(150 * DAY_MS)
    np.testing.assert_array_equal(activity_features(early, 150 * DAY_MS), activity_features(later, 150 * DAY_MS))


def test_orders_are_counted_in_the_days_before_the_moment() -> None:
    assert order_counts(orders_of_days(USERS, DAYS), NOW, 91).tolist() == [2, 1]

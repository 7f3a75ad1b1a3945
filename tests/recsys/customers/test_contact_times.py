import numpy as np
import pytest

from recsys.customers.contact_times import (
    counts_of,
    days_of,
    fitted_strength,
    hours_of,
    shop_profile,
    shrunk_profiles,
)
from recsys.time_units import DAY_MS, HOUR_MS


def test_hours_and_days_are_those_of_utc() -> None:
    at_ms = np.array([20_000 * DAY_MS + 13 * HOUR_MS])  # Friday, 2024-10-04
    assert (hours_of(at_ms).tolist(), days_of(at_ms).tolist()) == ([13], [4])


def test_a_customer_without_orders_has_the_profile_of_the_shop() -> None:
    counts = counts_of(np.array([0, 0, 0]), np.array([1, 1, 2]), 2, 3)
    shop = shop_profile(counts)
    profiles = shrunk_profiles(counts, shop, 5.0)
    assert profiles[1].tolist() == pytest.approx(shop.tolist())
    assert profiles.sum(axis=1).tolist() == pytest.approx([1, 1])
    assert profiles[0, 1] > shop[1]


def test_customers_who_are_alike_are_shrunk_more_than_those_who_differ() -> None:
    rng = np.random.default_rng(0)
    alike = rng.multinomial(40, np.full(24, 1 / 24), 200).astype(float)
    own = np.array([rng.multinomial(40, rng.dirichlet(np.full(24, 0.2))) for _ in range(200)]).astype(float)
    assert fitted_strength(alike, shop_profile(alike)) >= 500
    assert fitted_strength(own, shop_profile(own)) <= 10

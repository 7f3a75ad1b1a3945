"""Statistical power: the closed form, both ways."""

import numpy as np
import pytest
from scipy.stats import norm

from recsys.inference.power import customers_in_all, customers_per_arm, detectable_lift


@pytest.mark.parametrize("correlation", [0.0, 0.807])
def test_the_number_of_customers_is_that_of_the_closed_form(correlation: float) -> None:
    quantiles = norm.ppf(0.975) + norm.ppf(0.8)
    expected = 2 * quantiles**2 * 179.4**2 * (1 - correlation**2) / (0.05 * 139.7) ** 2
    assert abs(customers_per_arm(139.7, 179.4, 0.05, correlation=correlation) - expected) <= 1


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_unequal_arms_need_as_many_as_show_just_that_lift(share: float) -> None:
    n = customers_in_all(139.7, 179.4, 0.05, share, 0.807)
    seen, seen_by_less = (
        detectable_lift(139.7, 179.4, m * (1 - share), m * share, correlation=0.807) for m in (n, n - 1)
    )
    assert seen <= 0.05 < seen_by_less


def test_so_many_customers_show_that_lift_and_fewer_a_larger_one_only() -> None:
    n = customers_per_arm(139.7, 179.4, 0.05)
    assert detectable_lift(139.7, 179.4, n, n) == pytest.approx(0.05, rel=1e-3)
    assert detectable_lift(139.7, 179.4, 1.9 * n, 0.1 * n) > 0.1
    assert detectable_lift(139.7, 179.4, n, n, correlation=0.807) == pytest.approx(
        0.05 * np.sqrt(1 - 0.807**2), rel=1e-3
    )

"""Promotion model: what each reduction takes off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.promotions.model import Promotion, Reduction, Step
from recsys.ranking.rules.model import Target


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [(Reduction(percent=25), [1.0, 2.5]), (Reduction(amount=5), [4.0, 5.0]), (Reduction(price=3), [1.0, 7.0])],
)
def test_a_reduction_takes_off_a_share_an_amount_or_all_above_a_price(
    reduction: Reduction, expected: list[float]
) -> None:
    np.testing.assert_allclose(reduction.discount(np.array([4.0, 10.0])), expected)


def test_the_highest_step_that_a_basket_reaches_counts() -> None:
    ladder = Promotion(
        "l", "L", "ladder", True, Target(), steps=(Step(30, Reduction(percent=5)), Step(80, Reduction(amount=10)))
    )
    np.testing.assert_allclose(ladder.basket_discount(np.array([29.99, 30.0, 79.0, 80.0])), [0, 1.5, 3.95, 10])


@given(st.floats(0.01, 1e6), st.floats(0.01, 100), st.floats(0.01, 1e6))
def test_no_reduction_takes_more_than_the_price(money: float, percent: float, amount: float) -> None:
    for reduction in (Reduction(percent=percent), Reduction(amount=amount), Reduction(price=amount)):
        assert 0 <= reduction.discount(np.array([money]))[0] <= money * (1 + 1e-12)

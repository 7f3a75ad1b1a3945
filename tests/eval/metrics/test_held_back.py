"""Held-back items are counted once for each customer, and impossible purchases are refused."""

import math

import numpy as np
import pytest

from eval.metrics.held_back import build_held_back
from recsys.errors import BadInput


def test_an_item_bought_twice_counts_once_with_its_money_in_sum() -> None:
    held_back = build_held_back(
        np.array([1, 0, 1], np.int32), np.array([5, 3, 5], np.int32), np.array([1.0, 2.0, 4.0]), n_customers=3
    )
    np.testing.assert_array_equal(held_back.offsets, [0, 1, 2, 2])
    np.testing.assert_array_equal(held_back.item, [3, 5])
    np.testing.assert_array_equal(held_back.value, [2.0, 5.0])
    np.testing.assert_array_equal(held_back.customer, [0, 1])


@pytest.mark.parametrize(("customer", "item", "money"), [(2, 0, 1.0), (-1, 0, 1.0), (0, -1, 1.0), (0, 0, -1.0)])
def test_impossible_purchases_are_refused(customer: int, item: int, money: float) -> None:
    with pytest.raises(BadInput):
        build_held_back(np.array([customer]), np.array([item]), np.array([money]), n_customers=2)


@pytest.mark.parametrize("money", [math.nan, math.inf])
def test_money_that_is_no_number_is_refused(money: float) -> None:
    with pytest.raises(BadInput, match="give 0 where unknown"):
        build_held_back(np.array([0]), np.array([0]), np.array([money]), n_customers=1)

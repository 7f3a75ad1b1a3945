"""The hold-out split: later than the training part for every user, and with enough users to validate."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.learning.holdout import Holdout, hold_out, last_parts, last_visits, last_weeks, random_parts
from recsys.testing import NOW, interactions_of


def once_each(n_users: int = 60, per_user: int = 10, spacing: float = 1.0) -> Interactions:
    """Users who come one after the other and never again: each buys items 0 to 9 within an hour."""
    user, item = np.divmod(np.arange(n_users * per_user), per_user)
    at = NOW - 1 - spacing * user - 0.04 * (1 - item / per_user)
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=per_user, at=at)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_weeks_are_held_back_where_customers_come_back_in_them() -> None:
    user, item = np.repeat(np.arange(20, dtype=np.int32), 2), np.tile(np.array([0, 1], np.int32), 20)
    at = np.tile([NOW - 60, NOW - 5], 20)
    holdout = hold_out(interactions_of(user, item, n_users=20, n_items=2, at=at), 28, rng())
    assert holdout.description == "the last 28 days"
    assert holdout.past.histories.now == NOW - 28
    assert set(holdout.past.histories.item) == {0}
    assert set(holdout.later.item) == {1}


def test_where_everybody_comes_once_the_last_fifth_of_each_is_held_back() -> None:
    holdout = hold_out(once_each(), 28, rng())
    assert holdout.description == "the last fifth of each customer"
    assert holdout.is_validation_user.all()
    np.testing.assert_array_equal(np.diff(holdout.later.offsets), 2)
    assert set(holdout.later.item) == {8, 9}
    assert set(holdout.past.histories.item) == set(range(8))
    assert holdout.past.histories.now == NOW


def test_events_of_one_moment_are_split_at_random_by_the_seed() -> None:
    data = once_each()
    still = replace(data, histories=replace(data.histories, at=np.full(600, NOW)))
    first, again, other = (last_parts(still, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert set(first.later.item) == set(range(10))
    np.testing.assert_array_equal(first.later.item, again.later.item)
    assert not np.array_equal(first.later.item, other.later.item)


def test_every_purchase_is_on_one_side_with_its_basket_and_money() -> None:
    data = once_each()
    numbered = replace(data, value=np.arange(600, dtype=np.float32))
    holdout = last_parts(numbered, rng())
    assert len(holdout.past.histories.item) + len(holdout.later.item) == 600
    np.testing.assert_array_equal(holdout.past.value % 10, holdout.past.histories.item)
    assert len(holdout.past.basket) == 480


def test_a_user_with_one_item_keeps_it_and_is_not_a_validation_user() -> None:
    holdout = last_parts(interactions_of(np.array([0], np.int32), np.array([0], np.int32), n_users=2, n_items=1), rng())
    assert len(holdout.later.item) == 0
    assert not holdout.is_validation_user.any()


def test_views_before_a_held_back_purchase_are_in_neither_part() -> None:
    data = interactions_of(
        np.zeros(4, np.int32), np.arange(4, dtype=np.int32), n_users=1, n_items=4, at=NOW - np.array([9.0, 8, 2, 1])
    )
    kind = np.array([Kind.PURCHASE, Kind.VIEW, Kind.PURCHASE, Kind.VIEW], np.int8)
    holdout = last_parts(replace(data, histories=replace(data.histories, kind=kind)), rng())
    np.testing.assert_array_equal(holdout.later.item, [2])
    np.testing.assert_array_equal(holdout.past.histories.item, [0, 1])


def test_a_random_part_is_no_later_than_the_rest() -> None:
    holdout = random_parts(once_each(), rng())
    np.testing.assert_array_equal(np.diff(holdout.later.offsets), 2)
    assert set(holdout.later.item) == set(holdout.past.histories.item) == set(range(10))


def test_files_split_at_random_are_validated_at_random_even_where_weeks_would_do() -> None:
    assert hold_out(once_each(spacing=0.1), 28, rng(), split="chance").description == "a random fifth of each customer"


def test_the_last_basket_of_each_customer_is_held_back_and_a_single_one_is_not() -> None:
    user = np.array([0, 0, 0, 0, 1, 1], np.int32)
    item = np.array([0, 1, 0, 2, 3, 4], np.int32)
    at = NOW - np.array([9.0, 9.0, 2.0, 2.0, 5.0, 5.0])
    holdout = last_visits(interactions_of(user, item, n_users=2, n_items=5, at=at))
    assert sorted(holdout.later.item.tolist()) == [0, 2]
    assert sorted(holdout.past.histories.item.tolist()) == [0, 1, 3, 4]
    assert holdout.is_validation_user.tolist() == [True, False]


def test_a_basket_written_line_by_line_is_held_back_whole() -> None:
    data = interactions_of(
        np.zeros(3, np.int32), np.arange(3, dtype=np.int32), n_users=1, n_items=3, at=NOW - np.array([9.0, 2.0, 1.9])
    )
    one_order = replace(data, basket=np.array([0, 1, 1], np.int32))
    assert sorted(last_visits(one_order).later.item.tolist()) == [1, 2]


def test_with_too_few_visits_weeks_are_held_back() -> None:
    assert hold_out(once_each(n_users=20), 28, rng(), split="visit").description != "the last visit of each customer"


def orders_of_two(n_users: int = 30, n_orders: int = 2) -> Interactions:
    """Users with orders of two different items each, written line by line an hour apart, the last ones a day ago."""
    user, order, line = (axis.ravel() for axis in np.indices((n_users, n_orders, 2)))
    at = NOW - 1 - 40.0 * (n_orders - 1 - order) + line / 24
    data = interactions_of(
        user.astype(np.int32), (2 * order + line).astype(np.int32), n_users=n_users, n_items=2 * n_orders, at=at
    )
    return replace(data, basket=(user * n_orders + order).astype(np.int32))


@pytest.mark.parametrize("split", [random_parts, last_parts])
def test_an_order_is_held_back_whole_or_not_at_all(
    split: Callable[[Interactions, np.random.Generator], Holdout],
) -> None:
    holdout = split(orders_of_two(n_orders=5), rng())
    np.testing.assert_array_equal(np.diff(holdout.later.offsets), 2)
    items = holdout.later.item.reshape(-1, 2)
    np.testing.assert_array_equal(items[:, 0] // 2, items[:, 1] // 2)
    assert (split is random_parts) == (len(set(items[:, 0].tolist())) > 1)


def test_a_customer_with_one_order_keeps_it_and_is_not_a_validation_user() -> None:
    assert not last_parts(orders_of_two(n_orders=1), rng()).is_validation_user.any()


def test_an_order_that_began_before_the_last_weeks_is_not_held_back() -> None:
    data = orders_of_two()
    holdout = last_weeks(data, 1 - 0.5 / 24)
    assert len(holdout.later.item) == 0
    assert set(last_weeks(data, 1).later.item) == {2, 3}

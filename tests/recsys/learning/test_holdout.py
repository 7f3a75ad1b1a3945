"""What is held back is later than what is learnt from, for everybody, and enough to judge by."""

from dataclasses import replace

import numpy as np

from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.learning.holdout import held_back, last_parts, last_visits, random_parts
from recsys.testing import NOW, interactions_of


def once_each(n_users: int = 60, per_user: int = 10, spacing: float = 1.0) -> Interactions:
    """Customers who come one after the other and never again: each buys items 0 to 9 within an hour."""
    user, item = np.divmod(np.arange(n_users * per_user), per_user)
    at = NOW - 1 - spacing * user - 0.04 * (1 - item / per_user)
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=per_user, at=at)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_weeks_are_held_back_where_customers_come_back_in_them() -> None:
    user, item = np.repeat(np.arange(20, dtype=np.int32), 2), np.tile(np.array([0, 1], np.int32), 20)
    at = np.tile([NOW - 60, NOW - 5], 20)
    held = held_back(interactions_of(user, item, n_users=20, n_items=2, at=at), 28, rng())
    assert held.how == "the last 28 days"
    assert held.past.histories.now == NOW - 28
    assert set(held.past.histories.item) == {0}
    assert set(held.later.item) == {1}


def test_where_everybody_comes_once_the_last_fifth_of_each_is_held_back() -> None:
    held = held_back(once_each(), 28, rng())
    assert held.how == "the last fifth of each customer"
    assert held.judges.all()
    np.testing.assert_array_equal(np.diff(held.later.offsets), 2)
    assert set(held.later.item) == {8, 9}
    assert set(held.past.histories.item) == set(range(8))
    assert held.past.histories.now == NOW


def test_at_one_moment_chance_decides_and_the_seed_decides_chance() -> None:
    data = once_each()
    still = replace(data, histories=replace(data.histories, at=np.full(600, NOW)))
    first, again, other = (last_parts(still, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert set(first.later.item) == set(range(10))
    np.testing.assert_array_equal(first.later.item, again.later.item)
    assert not np.array_equal(first.later.item, other.later.item)


def test_every_purchase_is_on_one_side_with_its_basket_and_money() -> None:
    data = once_each()
    numbered = replace(data, value=np.arange(600, dtype=np.float32))
    held = last_parts(numbered, rng())
    assert len(held.past.histories.item) + len(held.later.item) == 600
    np.testing.assert_array_equal(held.past.value % 10, held.past.histories.item)
    assert len(held.past.basket) == 480


def test_who_chose_one_thing_keeps_it_and_does_not_judge() -> None:
    held = last_parts(interactions_of(np.array([0], np.int32), np.array([0], np.int32), n_users=2, n_items=1), rng())
    assert len(held.later.item) == 0
    assert not held.judges.any()


def test_what_leads_to_a_held_back_purchase_does_not_tell() -> None:
    data = interactions_of(
        np.zeros(4, np.int32), np.arange(4, dtype=np.int32), n_users=1, n_items=4, at=NOW - np.array([9.0, 8, 2, 1])
    )
    kind = np.array([Kind.PURCHASE, Kind.VIEW, Kind.PURCHASE, Kind.VIEW], np.int8)
    held = last_parts(replace(data, histories=replace(data.histories, kind=kind)), rng())
    np.testing.assert_array_equal(held.later.item, [2])
    np.testing.assert_array_equal(held.past.histories.item, [0, 1])


def test_a_random_part_is_no_later_than_the_rest() -> None:
    held = random_parts(once_each(), rng())
    np.testing.assert_array_equal(np.diff(held.later.offsets), 2)
    assert set(held.later.item) == set(held.past.histories.item) == set(range(10))


def test_files_parted_by_chance_are_judged_by_chance_even_where_weeks_could() -> None:
    assert held_back(once_each(spacing=0.1), 28, rng(), parting="chance").how == "a random fifth of each customer"


def test_the_last_basket_of_each_customer_is_held_back_and_a_single_one_is_not() -> None:
    user = np.array([0, 0, 0, 0, 1, 1], np.int32)
    item = np.array([0, 1, 0, 2, 3, 4], np.int32)
    at = NOW - np.array([9.0, 9.0, 2.0, 2.0, 5.0, 5.0])
    held = last_visits(interactions_of(user, item, n_users=2, n_items=5, at=at))
    assert sorted(held.later.item.tolist()) == [0, 2]
    assert sorted(held.past.histories.item.tolist()) == [0, 1, 3, 4]
    assert held.judges.tolist() == [True, False]


def test_a_basket_written_line_by_line_is_held_back_whole() -> None:
    data = interactions_of(
        np.zeros(3, np.int32), np.arange(3, dtype=np.int32), n_users=1, n_items=3, at=NOW - np.array([9.0, 2.0, 1.9])
    )
    one_order = replace(data, basket=np.array([0, 1, 1], np.int32))
    assert sorted(last_visits(one_order).later.item.tolist()) == [1, 2]


def test_too_few_visits_leave_the_judging_to_the_weeks() -> None:
    assert held_back(once_each(n_users=20), 28, rng(), parting="visit").how != "the last visit of each customer"

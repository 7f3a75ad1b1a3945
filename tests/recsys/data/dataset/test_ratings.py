"""Ratings keep the last one of a customer and item, and hold some out by chance."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.data.dataset.ratings import RatedItems, build_ratings, hold_out_mask
from tests.recsys.models.ratings.small_ratings import random_ratings


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5)), max_size=20))
def test_of_two_ratings_of_an_item_the_last_one_counts(rows: list[tuple[int, int, int]]) -> None:
    columns = np.array(rows, np.int32).reshape(-1, 3).T
    ratings = build_ratings(columns[0], columns[1], columns[2].astype(np.float32), n_users=4, n_items=4)
    last = {
        (user, int(item)): int(value)
        for user in range(4)
        for item, value in zip(ratings.by_user(user).item, ratings.by_user(user).value, strict=True)
    }
    assert last == {(user, item): value for user, item, value in rows}


def test_a_later_rating_replaces_an_earlier_one() -> None:
    before = RatedItems(np.array([1, 4], np.int32), np.array([2, 5], np.float32))
    now = before.with_later(RatedItems.from_ratings(np.array([4, 0, 4], np.int32), np.array([3, 1, 2], np.float32)))
    assert now.item.tolist() == [0, 1, 4]
    assert now.value.tolist() == [1, 2, 2]


def test_a_hold_out_comes_from_so_many_customers_at_most() -> None:
    ratings = random_ratings(n_users=200, n_items=30)
    held = hold_out_mask(ratings, np.random.default_rng(0), share=0.2, most_customers=50)
    assert len(np.unique(ratings.user[held])) <= 50
    assert 0.12 < held.sum() / np.count_nonzero(np.isin(ratings.user, np.unique(ratings.user[held]))) < 0.3

"""Validation users come from the holdout-back weeks, and the quality of a list for them is its nDCG."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.learning.holdout import last_weeks
from recsys.learning.validation import Validation, candidate_lists, is_better, list_ndcg, validation_users
from recsys.models.candidates import NO_CANDIDATES, Candidates
from recsys.models.popularity import Popularity
from recsys.testing import NOW, interactions_of, two_camps


def listed(*items: int) -> Candidates:
    return Candidates(np.array(items, np.int32), np.arange(len(items), 0, -1).astype(np.float32))


def slow_ndcg(shown: list[int], chosen: set[int], k: int) -> float:
    gain = sum(1 / np.log2(place + 2) for place, item in enumerate(shown[:k]) if item in chosen)
    return float(gain / sum(1 / np.log2(place + 2) for place in range(min(k, len(chosen)))))


@given(
    shown=st.lists(st.integers(0, 30), unique=True, max_size=20),
    chosen=st.sets(st.integers(0, 30), min_size=1),
    k=st.integers(1, 15),
)
def test_the_quality_of_a_list_is_its_ndcg(shown: list[int], chosen: set[int], k: int) -> None:
    quality = list_ndcg([listed(*shown)], [np.array(sorted(chosen), np.int32)], k)
    assert quality.tolist() == [pytest.approx(slow_ndcg(shown, chosen, k))]


def test_a_user_who_chose_nothing_is_left_out() -> None:
    nothing = np.empty(0, np.int32)
    assert list_ndcg([listed(1), NO_CANDIDATES], [np.array([1], np.int32), nothing]).tolist() == [1.0]


def world() -> Validation:
    """Three customers: the first comes back for item 0 and takes 2, the second is new, the third never returns."""
    user, item, ago = (np.array(column) for column in ([0, 0, 0, 1, 2], [0, 0, 2, 1, 1], [50.0, 3, 3, 2, 60]))
    data = interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=3, n_items=3, at=NOW - ago)
    holdout = last_weeks(data, 28)
    return Validation(holdout.past, validation_users(holdout, np.random.default_rng(0), 10), only_new=True)


def test_a_validation_user_has_a_past_and_came_back() -> None:
    users = world().users
    assert len(users) == 1
    assert [items.tolist() for items in (users.before[0], users.after[0], users.new[0])] == [[0], [0, 2], [2]]


def test_an_item_bought_before_is_no_candidate_where_only_new_items_count() -> None:
    validation = world()
    model = Popularity().fit(validation.past, np.random.default_rng(0))
    shown = {
        only_new: candidate_lists(model, validation.users, only_new=only_new, depth=3)[0] for only_new in (True, False)
    }
    assert shown[True].items.tolist() == [1]
    assert shown[False].items.tolist() == [0, 1]


def test_fewer_validation_users_are_the_first_of_the_same() -> None:
    holdout = last_weeks(two_camps(), 28)
    users = validation_users(holdout, np.random.default_rng(0), 20)
    few = users.first(5)
    assert len(few) == len(few.histories) == 5
    np.testing.assert_array_equal(few.histories.item, users.histories.take(range(5)).item)
    assert users.first(len(users)) is users


def test_the_others_are_all_but_the_first_of_the_same() -> None:
    users = validation_users(last_weeks(two_camps(), 28), np.random.default_rng(0), 20)
    others = users.after_first(5)
    assert [*users.first(5).after, *others.after] == list(users.after)
    np.testing.assert_array_equal(others.histories.item, users.histories.take(range(5, len(users))).item)
    assert len(users.after_first(len(users))) == 0


def test_a_difference_within_noise_is_not_better_and_one_beyond_it_is() -> None:
    rng = np.random.default_rng(0)
    plain = rng.random(400)
    assert not is_better(plain + rng.normal(0, 0.3, 400) * 0.1 + 0.001, plain)
    assert is_better(plain + 0.05, plain)
    assert not is_better(plain + 0.05, plain, min_gain=0.2)
    assert not is_better(plain, plain)

"""Weights of events: the tempo of a shop, measured on its own users, and the saturation of repeats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.dataset.histories import Histories
from recsys.models.als import Als
from recsys.models.event_weights import ENOUGH_ITEMS, half_life_or, saturated, shop_tempo_days
from recsys.models.item_neighbours import ItemNeighbours
from recsys.models.user_neighbours import UserNeighbours
from recsys.testing import NOW, interactions_of, two_camps

weights = st.floats(0, 1e4, width=32)


def rounds(*, n_users: int, n_items: int, times: int, days_apart: float) -> Histories:
    """Every customer buys an item a day, then all of them again `days_apart` later, `times` in all."""
    user, item, time = (axis.ravel() for axis in np.indices((n_users, n_items, times)))
    at = NOW - item - time * days_apart
    return interactions_of(
        user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=n_items, at=at
    ).histories


def test_the_tempo_is_the_time_of_fifty_different_items() -> None:
    histories = rounds(n_users=5, n_items=80, times=2, days_apart=80)

    assert shop_tempo_days(histories) == ENOUGH_ITEMS - 1


def test_where_nothing_is_chosen_twice_events_do_not_grow_old() -> None:
    assert shop_tempo_days(rounds(n_users=5, n_items=80, times=1, days_apart=80)) == np.inf


def test_where_customers_choose_few_items_all_of_them_are_needed() -> None:
    assert shop_tempo_days(rounds(n_users=5, n_items=ENOUGH_ITEMS - 1, times=3, days_apart=80)) == np.inf


def test_without_times_there_is_no_tempo() -> None:
    histories = rounds(n_users=5, n_items=80, times=1, days_apart=0)
    histories.at[:] = NOW

    assert shop_tempo_days(histories) == np.inf


def test_an_empty_log_has_no_tempo() -> None:
    assert shop_tempo_days(rounds(n_users=2, n_items=3, times=1, days_apart=0).since(np.inf)) == np.inf


def test_fifty_items_on_one_day_are_a_tempo_of_a_day_not_of_none() -> None:
    histories = rounds(n_users=3, n_items=60, times=2, days_apart=30)
    histories.at[:] = np.where(histories.at > NOW - 60, NOW, NOW - 90)

    assert shop_tempo_days(histories) == 1.0


def test_given_days_are_kept_and_auto_takes_the_tempo() -> None:
    assert (half_life_or(30.0, 56.0), half_life_or("auto", 56.0)) == (30.0, 56.0)


@pytest.mark.parametrize("learner", [Als(), ItemNeighbours(), UserNeighbours()])
def test_age_does_not_count_where_events_do_not_grow_old(learner: Als | ItemNeighbours | UserNeighbours) -> None:
    data = two_camps()
    long_ago = data.only(np.ones(len(data.histories.at), bool), NOW + 3_000)
    scores = [learner.fit(world, np.random.default_rng(0)).score(world.histories) for world in (data, long_ago)]

    np.testing.assert_array_equal(scores[0], scores[1])


@given(weight=weights, saturation=st.floats(0.01, 100))
def test_one_purchase_counts_one_and_many_are_bounded(weight: float, saturation: float) -> None:
    single, repeated = saturated(np.array([1.0, weight], np.float32), saturation)

    assert single == pytest.approx(1.0, rel=1e-6)
    assert 0 <= repeated <= (saturation + 1) * (1 + 1e-6)


@given(less=weights, more=weights, saturation=st.floats(0.01, 100))
def test_more_never_counts_less(less: float, more: float, saturation: float) -> None:
    low, high = saturated(np.sort(np.array([less, more], np.float32)), saturation)

    assert low <= high * (1 + 1e-6)


def test_zero_counts_only_the_first_and_infinity_counts_all() -> None:
    weight = np.array([-2.0, 0.0, 0.5, 7.0], np.float32)

    assert saturated(weight, 0.0).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert saturated(weight, float("inf")).tolist() == [0.0, 0.0, 0.5, 7.0]

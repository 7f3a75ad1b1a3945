"""A replay of a moment in the past knows only the events until then."""

from dataclasses import replace

import numpy as np
import pytest

from eval.replay import as_of, histories_before, replay
from recsys.data.events import Event, Kind
from recsys.engine.candidate_cache import CandidateCache
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, interactions_of
from recsys.time_units import DAY_MS

USERS = [f"user-{u:03}" for u in range(30)]


def used_shop(shop: Recommender) -> Recommender:
    """A service whose cache holds the candidates of these customers."""
    fresh = replace(shop, engine=replace(shop.engine, candidate_cache=CandidateCache()))
    replay(fresh, fresh.placements["discover"], USERS, 5)
    return fresh


def test_only_what_came_before_that_moment_is_known() -> None:
    user, item = np.array([0, 0, 1, 2], np.int32), np.array([0, 1, 1, 2], np.int32)
    at = np.array([NOW - 9, NOW - 2, NOW - 8, NOW - 7])
    histories = interactions_of(user, item, n_users=3, n_items=3, at=at).histories
    earlier = histories_before(histories, NOW - 7)
    assert earlier.now == NOW - 7
    assert np.diff(earlier.offsets).tolist() == [1, 1, 0]
    assert earlier.item.tolist() == [0, 1]


@pytest.mark.parametrize("placement", ["home", "discover"])
def test_lists_of_a_week_ago_know_nothing_of_the_week_whatever_was_cached_since(
    small_shop: Recommender, placement: str
) -> None:
    then = NOW - 30
    fresh = replace(small_shop, engine=replace(small_shop.engine, candidate_cache=CandidateCache()))
    expected = replay(as_of(fresh, then), fresh.placements[placement], USERS, 5).lists.item
    replayed = replay(as_of(used_shop(small_shop), then), small_shop.placements[placement], USERS, 5).lists.item
    np.testing.assert_array_equal(replayed, expected)
    today = replay(fresh, fresh.placements[placement], USERS, 5).lists.item
    assert not np.array_equal(today, expected)


def test_recent_events_of_the_moment_count(small_shop: Recommender) -> None:
    """A customer of the even camp who bought one odd thing again and again today has it on the list."""
    now_ms = round(NOW * DAY_MS)
    recent = [
        Event(str(at), USERS[0], "item-007", Kind.PURCHASE, now_ms - at, order_id=f"o{at}") for at in range(20, 0, -1)
    ]
    placement = small_shop.placements["buy-again"]
    without, with_recent = (
        replay(small_shop, placement, USERS[:1], 3, now_ms, events).lists.item[0].tolist()
        for events in ({}, {USERS[0]: recent})
    )
    seven = small_shop.catalogue.position("item-007")
    assert seven not in without
    assert seven in with_recent


def test_every_answer_is_timed(small_shop: Recommender) -> None:
    seconds = replay(small_shop, small_shop.placements["home"], USERS, 5).seconds
    assert seconds is not None
    assert seconds.shape == (30,)
    assert (seconds > 0).all()

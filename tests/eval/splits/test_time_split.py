"""No event is on both sides of the cut, and none of the future is in the past."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.splits.time_split import last_ms, split_at
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.errors import BadInput, NotEnoughData
from recsys.time_units import DAY_MS


def events_at(times_ms: list[int]) -> pl.DataFrame:
    events = [Event(f"e{i}", f"user-{i}", "item", Kind.PURCHASE, at_ms) for i, at_ms in enumerate(times_ms)]
    return pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")


def ids(events: pl.DataFrame) -> list[str]:
    return events["event_id"].to_list()


def test_the_moment_of_the_cut_belongs_to_the_future() -> None:
    split = split_at(events_at([99, 100, 101]), 100)
    assert (ids(split.past), ids(split.future)) == (["e0"], ["e1", "e2"])


def test_the_end_of_the_future_belongs_to_neither_side() -> None:
    split = split_at(events_at([99, 100, 199, 200, 300]), 100, 200)
    assert (ids(split.past), ids(split.future)) == (["e0"], ["e1", "e2"])


def test_each_side_keeps_the_order_of_the_log() -> None:
    split = split_at(events_at([7, 120, 3, 110]), 100)
    assert (ids(split.past), ids(split.future)) == (["e0", "e2"], ["e1", "e3"])


@given(
    times_ms=st.lists(st.integers(0, 50), min_size=1, max_size=30),
    cut_ms=st.integers(1, 50),
    length_ms=st.integers(1, 60),
)
def test_sides_are_apart_and_nothing_before_the_end_is_lost(times_ms: list[int], cut_ms: int, length_ms: int) -> None:
    # One event on each side, so that there always is something to split.
    events = events_at([*times_ms, cut_ms - 1, cut_ms])
    split = split_at(events, cut_ms, cut_ms + length_ms)
    assert split.past["at_ms"].to_numpy().max() < cut_ms <= split.future["at_ms"].to_numpy().min()
    assert split.future["at_ms"].to_numpy().max() < cut_ms + length_ms
    inside = events.filter(pl.col("at_ms") < cut_ms + length_ms)
    assert sorted(ids(split.past) + ids(split.future)) == sorted(ids(inside))


@pytest.mark.parametrize(("cut_ms", "side"), [(5, "before"), (500, "after")])
def test_a_cut_with_nothing_on_one_side_is_refused(cut_ms: int, side: str) -> None:
    with pytest.raises(NotEnoughData, match=f"no event {side} the cut"):
        split_at(events_at([10, 20]), cut_ms)


def test_a_future_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadInput, match="before it begins"):
        split_at(events_at([10, 20]), 15, 15)


def test_no_events_at_all_are_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="import some first"):
        last_ms(events_at([]))


def test_the_rest_of_an_order_that_began_before_the_cut_is_on_neither_side() -> None:
    cut = 10 * DAY_MS
    rows = [("ann", cut - 1, "o1"), ("ann", cut, "o1"), ("ann", cut, "o2"), ("bob", cut, "o1")]
    events = [Event(f"e{i}", user, "x", Kind.PURCHASE, at, order_id=order) for i, (user, at, order) in enumerate(rows)]
    split = split_at(pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row"), cut)
    assert (ids(split.past), ids(split.future)) == (["e0"], ["e2", "e3"])


def test_without_order_ids_the_rest_of_a_day_with_a_purchase_before_the_cut_is_on_neither_side() -> None:
    cut = 10 * DAY_MS + 500
    rows = [("ann", 1), ("ann", 499), ("bob", -1), ("ann", 501), ("bob", 502), ("ann", DAY_MS)]
    events = [Event(f"e{i}", user, "x", Kind.PURCHASE, cut - 500 + at) for i, (user, at) in enumerate(rows)]
    view = Event("seen", "ann", "x", Kind.VIEW, cut + 1)
    split = split_at(pl.DataFrame([*events, view], schema=EVENT_SCHEMA, orient="row"), cut)
    assert (ids(split.past), ids(split.future)) == (["e0", "e1", "e2"], ["e4", "e5", "seen"])

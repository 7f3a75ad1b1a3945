"""Windows lie side by side, no event is on both sides of a cut, and none of the future is in the past."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.splits import Window, WindowSchedule, build_windows, last_ms, split_at
from recsys.errors import BadInput, NotEnoughData
from recsys.time_units import DAY_MS


def events_at(times_ms: list[int]) -> pl.DataFrame:
    names = [f"e{i}" for i in range(len(times_ms))]
    return pl.DataFrame({"event_id": names, "at_ms": times_ms}, schema={"event_id": pl.String, "at_ms": pl.Int64})


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


def events_until(last_ms: int) -> pl.DataFrame:
    return pl.DataFrame({"at_ms": [0, last_ms]}, schema={"at_ms": pl.Int64})


def test_the_last_window_ends_with_the_last_event_and_the_others_before_it() -> None:
    windows = build_windows(events_until(100 * DAY_MS), WindowSchedule(n_windows=3, days=28))
    assert windows[0].until_ms == 100 * DAY_MS + 1
    assert [window.until_ms - window.cut_ms for window in windows] == [28 * DAY_MS] * 3
    assert [window.until_ms for window in windows[1:]] == [window.cut_ms for window in windows[:-1]]


def test_a_given_cut_is_that_of_the_latest_window() -> None:
    windows = build_windows(events_until(100 * DAY_MS), WindowSchedule(n_windows=2, days=7, cut_ms=50 * DAY_MS))
    assert windows == [Window(50 * DAY_MS, 57 * DAY_MS), Window(43 * DAY_MS, 50 * DAY_MS)]


@pytest.mark.parametrize(("n_windows", "days", "k"), [(0, 28.0, 10), (1, 0.0, 10), (1, float("nan"), 10), (1, 28.0, 0)])
def test_windows_of_nothing_are_refused(n_windows: int, days: float, k: int) -> None:
    with pytest.raises(BadInput, match="1 or more"):
        WindowSchedule(n_windows=n_windows, days=days, k=k)


def test_a_log_of_nothing_has_no_windows() -> None:
    with pytest.raises(NotEnoughData, match="import some"):
        build_windows(pl.DataFrame(schema={"at_ms": pl.Int64}), WindowSchedule())

"""Windows lie side by side, and none reaches into the past of an older one."""

import polars as pl
import pytest

from eval.splits.windows import Window, WindowSchedule, build_windows
from recsys.errors import BadInput, NotEnoughData
from recsys.time_units import DAY_MS


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

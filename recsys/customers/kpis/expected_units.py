"""Expected units per item for four weeks: a moving average that a back-test picks, with its measured error."""

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from recsys.arrays import AnyArray, Doubles, Longs
from recsys.customers.orders import PaidLines
from recsys.data.events import PURCHASE
from recsys.errors import NotEnoughData
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl

HORIZON = 4  # weeks
WINDOWS = (4, 8, 13, 26)  # weeks of the moving averages; the first is the naive one
N_TESTS = 3  # back-tests of one horizon each, the last of which judges the interval
LEVELS = 10  # of items by expected units, each half of those above the one before, with errors of its own
MIN_ERRORS = 30  # of a level
INTERVAL = (0.1, 0.9)


@dataclass(frozen=True, slots=True)
class ExpectedUnits:
    """J items: units (J,) of the next HORIZON weeks from as_of_ms, with low and high of 80 % (J,) and the mean
    absolute error (J,) that items of their level had in the back-tests.

    window: weeks of the average; errors: weighted absolute percentage error of each window tried, WAPE = sum of
    |error| / units sold.  coverage: share of the items inside the interval in the last back-test, which the interval
    did not know.
    """

    as_of_ms: int
    item_ids: list[str]
    units: Doubles
    low: Doubles
    high: Doubles
    error: Doubles
    window: int
    errors: dict[int, float]
    coverage: float

    def frame(self) -> "pl.DataFrame":
        """A row per item, most units first."""
        import polars as pl

        columns = {"item_id": self.item_ids, "units": self.units, "low": self.low, "high": self.high}
        frame = pl.DataFrame({**columns, "error": self.error}, schema_overrides={"item_id": pl.String})
        return frame.sort(["units", "item_id"], descending=[True, False])


def expect_units(paid: PaidLines, as_of_ms: int) -> ExpectedUnits:
    """What each item sold in the last WINDOWS weeks will sell.  Raises NotEnoughData for a log that is too short.

    Every window is judged on the same past horizons; of equally good ones the shorter is taken.
    """
    weekly = weekly_units(paid, as_of_ms)
    n_weeks = weekly.shape[1]
    if n_weeks < HORIZON * (N_TESTS + 1):
        raise NotEnoughData(f"{n_weeks} weeks of log; units of items need {HORIZON * (N_TESTS + 1)} or more")
    ends = [n_weeks - HORIZON * back for back in range(N_TESTS, 0, -1)]
    windows = [window for window in WINDOWS if window <= ends[0]]
    actual = [weekly[:, end : end + HORIZON].sum(axis=1) for end in ends]
    tests = {window: [_forecast(weekly, end, window) for end in ends] for window in windows}
    errors = {window: _wape(forecasts, actual) for window, forecasts in tests.items()}
    window = min(windows, key=lambda each: (errors[each], each))
    units = _forecast(weekly, n_weeks, window)
    low, high, error = _spread(units, np.concatenate(tests[window]), np.concatenate(actual))
    seen_low, seen_high, _ = _spread(tests[window][-1], np.concatenate(tests[window][:-1]), np.concatenate(actual[:-1]))
    judged = tests[window][-1] > 0
    is_inside = (actual[-1] >= seen_low) & (actual[-1] <= seen_high)
    sold = units > 0
    return ExpectedUnits(
        as_of_ms,
        [item_id for item_id, is_sold in zip(paid.item_ids, sold.tolist(), strict=True) if is_sold],
        units[sold],
        low[sold],
        high[sold],
        error[sold],
        window,
        errors,
        float(is_inside[judged].mean()) if judged.any() else float("nan"),
    )


def weekly_units(paid: PaidLines, as_of_ms: int) -> Doubles:
    """Units bought of each item in whole weeks before the moment, the last of which ends there.  (J, W)"""
    bought = paid.lines.kind == PURCHASE
    age = (as_of_ms - 1 - paid.at_ms[bought]) // (7 * DAY_MS)
    n_weeks = int(age.max(initial=-1)) + 1 if len(age) else 0
    if n_weeks > 1:
        n_weeks -= int((as_of_ms - int(paid.at_ms[bought].min())) % (7 * DAY_MS) != 0)  # the first is not whole
    kept = (age >= 0) & (age < n_weeks)
    place = paid.lines.item[bought][kept].astype(np.int64) * n_weeks + (n_weeks - 1 - age[kept])
    counts = np.bincount(place, paid.amounts.n_items[bought][kept], len(paid.item_ids) * n_weeks)
    return counts.reshape(len(paid.item_ids), n_weeks).astype(np.float64)


def _forecast(weekly: Doubles, end: int, window: int) -> Doubles:
    """Units of the weeks [end, end + HORIZON), by the mean of the window before.  (J,)"""
    means: Doubles = weekly[:, max(0, end - window) : end].mean(axis=1)
    return means * HORIZON


def _wape(forecasts: list[Doubles], actual: list[Doubles]) -> float:
    sold = sum(float(each.sum()) for each in actual)
    missed = sum(float(np.abs(a - f).sum()) for f, a in zip(forecasts, actual, strict=True))
    return missed / sold if sold else float("nan")


def _spread(units: Doubles, forecast: Doubles, actual: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Low, high and mean absolute error of each item, by past errors of items of its level.  (J,) each

    Errors count in square roots of units, as those of counts do.
    """
    known = forecast > 0
    scale = np.sqrt(forecast[known] + 1)
    error = (actual[known] - forecast[known]) / scale
    cuts = np.unique(np.quantile(forecast[known], 1 - 0.5 ** np.arange(1, LEVELS))) if known.any() else np.empty(0)
    past, level = cuts.searchsorted(forecast[known], "right"), cuts.searchsorted(units, "right")
    table = np.array(
        [_ends(error[past == place] if _is_known(past, place) else error) for place in range(len(cuts) + 1)]
    )
    own = np.sqrt(units + 1)
    low, high, mean = (table[level] * own[:, None]).T
    return np.maximum(units + low, 0.0), np.maximum(units + high, 0.0), mean


def _is_known(past: Longs, level: int) -> bool:
    return int((past == level).sum()) >= MIN_ERRORS


def _ends(error: AnyArray) -> tuple[float, float, float]:
    """Ends that hold INTERVAL of further errors (split conformal, Vovk et al. 2005), and the mean absolute error."""
    n = len(error)
    if not n:
        return 0.0, 0.0, 0.0
    ordered = np.sort(error)
    first, last = floor(INTERVAL[0] * (n + 1)), ceil(INTERVAL[1] * (n + 1))
    low, high = ordered[max(first - 1, 0)], ordered[min(last, n) - 1]
    return min(float(low), 0.0), max(float(high), 0.0), float(np.abs(error).mean())

"""Alarm bands: where the next weekly figure lies unless something happened, from the weeks before it."""

from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from recsys.arrays import Bools, Doubles, Longs
from recsys.customers.kpis.definitions import KPIS
from recsys.customers.kpis.figures import Figure
from recsys.customers.kpis.log import KpiLog
from recsys.customers.kpis.measures import Question, measure
from recsys.customers.kpis.periods import Period, latest_periods, previous_period
from recsys.customers.surveys import Z

WATCHED = tuple(kpi.name for kpi in KPIS if kpi.is_watched)
MIN_WEEKS, MAX_WEEKS = 8, 26  # of the past that a band comes from
MAX_OUTLIERS, OUTLIER = 2, 3.5  # weeks that a band leaves out, and from how many standard deviations on
MAD_TO_SD = 1.4826
FLOOR = 0.5  # a share that was 100 % in every week may be 99 % in the next
FALSE_ALARMS = 0.1  # of all figures together, in a year of 52 quiet weeks
CHANCE = FALSE_ALARMS / (52 * len(WATCHED))


class Band(NamedTuple):
    """From low to high lies the figure of a quiet week, but for one in 1 / CHANCE."""

    low: float
    high: float


class WatchedFigure(NamedTuple):
    """The figure of a week beside its band.  unknown: why there is no figure or no band."""

    name: str
    week: Period
    value: float | None
    band: Band | None
    unknown: str | None

    @property
    def is_outside(self) -> bool:
        """Whether it raises an alarm."""
        return self.value is not None and self.band is not None and not self.band.low <= self.value <= self.band.high

    def as_json(self) -> dict[str, Any]:
        """The fields, with the band as low and high."""
        low, high = self.band or (None, None)
        week = {"from": self.week.start_ms, "to": self.week.end_ms}
        return {
            "name": self.name,
            "week": week,
            "value": self.value,
            "low": low,
            "high": high,
            "is_outside": self.is_outside,
            "unknown": self.unknown,
        }


def band_of(past: Doubles, error: Doubles) -> Band:
    """The prediction interval of the next value after N past ones (N,), N >= MIN_WEEKS, around their line.

    error (N,): standard error of each by its own interval; their spread counts as FLOOR times it at least.  A line is
    fitted, so that a shop that grows steadily raises no alarm.  Draper & Smith 1998, eq. 3.2.6, with Student's t.
    """
    from scipy.special import stdtrit

    week = np.arange(len(past), dtype=np.float64)
    kept = _without_outliers(week, past)
    n, line = len(kept), Line.fit(week[kept], past[kept])
    residual = past[kept] - line.at(week[kept])
    spread = max(sqrt(float(np.square(residual).sum()) / (n - 2)), FLOOR * sqrt(float(np.square(error[kept]).mean())))
    ahead = len(past) - line.middle
    reach = sqrt(1 + 1 / n + ahead**2 / float(np.square(week[kept] - line.middle).sum()))
    half = float(stdtrit(n - 2, 1 - CHANCE / 2)) * spread * reach
    centre = float(line.at(np.float64(len(past))))
    return Band(centre - half, centre + half)


class Line(NamedTuple):
    """The line mean + slope * (week - middle)."""

    middle: float
    mean: float
    slope: float

    @classmethod
    def fit(cls, week: Doubles, values: Doubles) -> "Line":
        """By least squares."""
        middle = float(week.mean())
        slope = float(((week - middle) * values).sum() / np.square(week - middle).sum())
        return cls(middle, float(values.mean()), slope)

    def at(self, week: Any) -> Any:
        return self.mean + self.slope * (week - self.middle)


def _without_outliers(week: Doubles, past: Doubles) -> Longs:
    """The weeks without the MAX_OUTLIERS farthest from the line, so that an earlier alarm hides no later one.

    More weeks off the line are a new level, and stay.
    """
    distance = np.abs(past - Line.fit(week, past).at(week))
    limit = OUTLIER * MAD_TO_SD * float(np.median(distance))
    farthest = np.argsort(-distance, kind="stable")[:MAX_OUTLIERS]
    return np.setdiff1d(np.arange(len(past)), farthest[distance[farthest] > limit])


def watch(log: KpiLog, members: Bools, until_ms: int | None = None) -> list[WatchedFigure]:
    """Every watched figure of the last week that has ended, beside its band; by that moment, where one is given."""
    moment = log.as_of_ms if until_ms is None else min(until_ms, log.as_of_ms)
    weeks = latest_periods(moment + 1, MAX_WEEKS + 2, "week")[:-1]
    questions = [Question(log, members, week, previous_period(week, "week")) for week in weeks]
    return [watch_series(name, weeks[-1], [measure(each, name) for each in questions]) for name in WATCHED]


def watch_series(name: str, week: Period, figures: list[Figure]) -> WatchedFigure:
    """The last of the weekly figures beside the band of those before it."""
    last = figures[-1]
    past = [(f.value, (f.high - f.low) / (2 * Z)) for f in figures[:-1] if None not in (f.value, f.low, f.high)]  # type: ignore[operator]
    if last.value is None:
        return WatchedFigure(name, week, None, None, last.unknown)
    if len(past) < MIN_WEEKS:
        return WatchedFigure(name, week, last.value, None, f"fewer than {MIN_WEEKS} weeks before it have the figure")
    values, errors = np.array(past, np.float64).T
    return WatchedFigure(name, week, last.value, band_of(values, errors), None)

"""How fast a model should forget, found on what was held back: a few half-lives tried, the best one kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import inf, isfinite
from typing import Any, cast

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles
from recsys.data.dataset.histories import Histories
from recsys.learning.validation import Validation, is_better
from recsys.models.auto_half_life import tempo_days
from recsys.models.base import Learner
from recsys.models.popularity import Popularity
from recsys.models.search_space import MOMENT, SHOP_WINDOWS

SPANS = (1 / 16, 1 / 4, 1.0)  # of the time the data cover: half-lives worth a try, and never to forget
NEAR = 1.6  # a half-life closer than that factor to the default would say the same
FAR = 1.1  # times as good
GAIN = 0.01  # by so much a half-life has to beat the default to take its place
AUTO = "auto"
MANY_ITEMS = 50_000  # with more, every try takes too long: what follows the shop's tempo goes on doing so
LIGHT = {"top_n": 50, "memory_mib": 64}  # of models that keep a table of votes
LIGHT_CUSTOMERS = 4


@dataclass(frozen=True, slots=True)
class HalfLife:
    """The longest half-life of a learner's settings, in days, and the nDCG@10 that each one tried reached."""

    days: float
    tried: Mapping[float, float]

    def as_mapping(self) -> dict[str, Any]:
        """For a manifest."""
        return {"days": self.days, "tried": {f"{days:.3g}": round(reached, 4) for days, reached in self.tried.items()}}


def with_best_half_life(learner: Learner, trial: Validation, rng: Generator) -> tuple[Learner, HalfLife | None]:
    """The learner with the half-life that judges best; the default unless another beats it beyond noise.

    Best-sellers, which strangers get and nothing else mends, take one that is far better although few judge it.

    None for a learner that has none.  Data of one moment have nothing to forget: inf, without a try.
    """
    if AUTO in _named(learner).values() and trial.past.n_items > MANY_ITEMS:
        return learner, None
    longest = longest_days(learner, tempo_days(trial.past.histories))
    if longest is None:
        return learner, None
    span = span_days(trial.past.histories)
    if span < MOMENT:
        return with_days(learner, inf), HalfLife(inf, {})
    reached = _tried(learner, longest, _grid(longest, span), trial, rng)
    best = max(reached, key=lambda days: mean_of(reached[days]))
    is_far_better = isinstance(learner, Popularity) and mean_of(reached[best]) > FAR * mean_of(reached[longest])
    if not (is_far_better or is_better(reached[best], reached[longest], by=GAIN)):
        best = longest
    chosen = learner if best == longest else with_days(learner, best)
    return chosen, HalfLife(best, {days: mean_of(found) for days, found in reached.items()})


def mean_of(found: Doubles) -> float:
    """0 where nobody judges."""
    return float(found.mean()) if len(found) else 0.0


def hill_climb(mean: Callable[[float], float], start: float, grid: Sequence[float]) -> float:
    """Where on the grid the mean is best: from the start upwards as long as it helps, else downwards."""
    at = grid.index(start)
    for step in (1, -1):
        while 0 <= at + step < len(grid) and mean(grid[at + step]) > mean(grid[at]):
            at += step
        if grid[at] != start:
            break
    return grid[at]


def longest_days(learner: Learner, tempo: float = inf) -> float | None:
    """The longest finite half-life or window among the settings, inf when all are, None when there is none.

    `auto` counts as the shop's tempo, see models.tempo.
    """
    days = _days(learner, tempo)
    finite = [value for value in days.values() if isfinite(value)]
    return max(finite) if finite else (inf if days else None)


def with_days(learner: Learner, longest: float) -> Learner:
    """The learner with its half-lives stretched alike until the longest is that; inf and `auto` become all the same.

    A window that is open stays open.
    """
    days, now = _days(learner, inf), longest_days(learner)
    if now is None or now == longest == inf:
        changed = {name: inf for name in days if getattr(learner, name) == AUTO}
    elif isfinite(now):
        changed = {name: value * (longest / now) for name, value in days.items()}
    else:
        changed = {name: longest for name in days if name.endswith("half_life_days") or getattr(learner, name) == AUTO}
    return cast(Learner, replace(cast(Any, learner), **changed))


def cheaper(learner: Learner) -> Learner:
    """The same with less work put into it: enough to tell on a sample whether it finds anything."""
    named = {field.name: getattr(learner, field.name) for field in fields(cast(Any, learner))}
    less = {name: min(most, named[name]) for name, most in LIGHT.items() if name in named and "max_votes" in named}
    if "factors" in named:  # fewer iterations would favour other half-lives
        less["factors"] = 32 if named["factors"] == AUTO else min(32, named["factors"])
    if "min_customers" in named:
        less["min_customers"] = max(LIGHT_CUSTOMERS, named["min_customers"])
    return cast(Learner, replace(cast(Any, learner), **less))


def span_days(histories: Histories) -> float:
    """From the first event to the last."""
    return float(np.ptp(histories.at)) if len(histories.at) else 0.0


def _grid(longest: float, span: float) -> list[float]:
    """The default and what else is worth a try, ascending; what is longer than the data is as good as inf."""
    others = [days for days in (share * span for share in SPANS) if not longest / NEAR < days < longest * NEAR]
    return sorted({*others, longest, inf})


def _tried(
    learner: Learner, start: float, grid: list[float], trial: Validation, rng: Generator
) -> dict[float, Doubles]:
    """What each half-life tried reached, judge by judge: all of the grid where a try costs nothing."""
    seed, lighter = int(rng.integers(2**31)), cheaper(learner) if trial.is_light else learner
    reached: dict[float, Doubles] = {}

    def mean(days: float) -> float:
        if days not in reached:
            chosen = lighter if days == start else with_days(lighter, days)
            reached[days] = trial.quality(chosen.fit(trial.past, np.random.default_rng(seed)))
        return mean_of(reached[days])

    if isinstance(learner, Popularity):
        for days in grid:
            mean(days)
    else:
        mean(hill_climb(mean, start, grid))
    return reached


def _days(learner: Learner, tempo: float) -> dict[str, float]:
    return {name: tempo if value == AUTO else float(value) for name, value in _named(learner).items()}


def _named(learner: Learner) -> dict[str, Any]:
    names = [field.name for field in fields(cast(Any, learner))]
    return {name: getattr(learner, name) for name in names if name.endswith("_days") and name not in SHOP_WINDOWS}

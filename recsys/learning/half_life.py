"""Half-life selection: a few half-lives of a learner are tried on held-back events, and the best one is kept.

Events are weighted by age (decay) in recsys/data/dataset/histories.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import inf, isfinite
from typing import Any, cast

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles
from recsys.data.dataset.histories import Histories
from recsys.learning.validation import Validation, is_better
from recsys.models.base import Learner
from recsys.models.event_weights import shop_tempo_days
from recsys.models.popularity import Popularity
from recsys.models.search_space import MOMENT, SHOP_WINDOWS

SPANS = (1 / 16, 1 / 4, 1.0)  # half-lives to try, as parts of the time the data cover; and inf, which never forgets
NEAR = 1.6  # a half-life closer than that factor to the default would give the same
FAR_BETTER = 1.1  # times as good
MIN_GAIN = 0.01  # by which a half-life has to beat the default to replace it
AUTO = "auto"
MANY_ITEMS = 50_000  # with more, every try takes too long: `auto` half-lives stay `auto`
CHEAPER = {"top_n": 50, "tail_top_n": 20, "memory_mib": 64}  # settings of a cheaper model that keeps a table of votes
CHEAPER_FACTORS = 32
CHEAPER_MIN_CUSTOMERS = 4


@dataclass(frozen=True, slots=True)
class HalfLife:
    """The longest half-life of a learner's settings, in days, and the nDCG@10 of each half-life that was tried."""

    days: float
    tried: Mapping[float, float]

    def as_mapping(self) -> dict[str, Any]:
        """For a manifest."""
        return {"days": self.days, "tried": {f"{days:.3g}": round(ndcg, 4) for days, ndcg in self.tried.items()}}


def with_best_half_life(learner: Learner, validation: Validation, rng: Generator) -> tuple[Learner, HalfLife | None]:
    """The learner with the half-life of the best nDCG; the default unless another one beats it beyond noise.

    Best-sellers also take one that is far better although few users validate it: they are what unknown users get,
    and nothing later corrects them.

    None for a learner that has no half-life.  Data of one moment, and what is held back at random, as old as what is
    known, have nothing to forget: inf, without a try.
    """
    if AUTO in _day_settings(learner).values() and validation.past.n_items > MANY_ITEMS:
        return learner, None
    longest = longest_days(learner, shop_tempo_days(validation.past.histories))
    if longest is None:
        return learner, None
    span = span_days(validation.past.histories)
    if span < MOMENT or validation.is_timeless:
        return with_days(learner, inf), HalfLife(inf, {})
    quality = _try_half_lives(learner, longest, days_to_try(longest, span, SPANS, NEAR), validation, rng)
    mean = {days: mean_or_zero(per_user) for days, per_user in quality.items()}
    best = max(mean, key=lambda days: mean[days])
    is_far_better = isinstance(learner, Popularity) and mean[best] > FAR_BETTER * mean[longest]
    if not (is_far_better or is_better(quality[best], quality[longest], min_gain=MIN_GAIN)):
        best = longest
    return learner if best == longest else with_days(learner, best), HalfLife(best, mean)


def mean_or_zero(quality: Doubles) -> float:
    """The mean over users, 0 without any."""
    return float(quality.mean()) if len(quality) else 0.0


def hill_climb(mean: Callable[[float], float], start: float, grid: Sequence[float]) -> float:
    """The point of the grid where the mean is best: from the start upwards as long as it helps, else downwards."""
    at = grid.index(start)
    for step in (1, -1):
        while 0 <= at + step < len(grid) and mean(grid[at + step]) > mean(grid[at]):
            at += step
        if grid[at] != start:
            break
    return grid[at]


def longest_days(learner: Learner, tempo: float = inf) -> float | None:
    """The longest finite half-life or window among the settings, inf when all are, None when there is none.

    `auto` counts as the shop's tempo, see recsys.models.event_weights.
    """
    days = _days(learner, tempo)
    finite = [value for value in days.values() if isfinite(value)]
    return max(finite) if finite else (inf if days else None)


def with_days(learner: Learner, longest: float) -> Learner:
    """The learner with its half-lives scaled alike, so that the longest is that; inf and `auto` become all the same.

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
    """The same learner with cheaper settings: good enough to see on a sample whether the model finds anything."""
    params = {field.name: getattr(learner, field.name) for field in fields(cast(Any, learner))}
    tables = params.keys() & CHEAPER.keys() if "max_votes" in params else set()
    less = {name: CHEAPER[name] if params[name] == AUTO else min(CHEAPER[name], params[name]) for name in tables}
    if "factors" in params:  # fewer iterations would favour other half-lives
        less["factors"] = CHEAPER_FACTORS if params["factors"] == AUTO else min(CHEAPER_FACTORS, params["factors"])
    if "min_customers" in params:
        less["min_customers"] = max(CHEAPER_MIN_CUSTOMERS, params["min_customers"])
    return cast(Learner, replace(cast(Any, learner), **less))


def span_days(histories: Histories) -> float:
    """From the first event to the last."""
    return float(np.ptp(histories.at)) if len(histories.at) else 0.0


def days_to_try(default: float, span: float, shares: Sequence[float], near: float) -> list[float]:
    """The default and shares of the time the data cover, ascending; one longer than the data is as good as inf.

    near: a half-life closer than that factor to the default is left out.
    """
    others = [days for days in (share * span for share in shares) if not default / near < days < default * near]
    return sorted({*others, default, inf})


def _try_half_lives(
    learner: Learner, start: float, grid: list[float], validation: Validation, rng: Generator
) -> dict[float, Doubles]:
    """nDCG@10 of each user with each half-life that was tried: the whole grid where a try costs nothing."""
    seed, tried_learner = int(rng.integers(2**31)), cheaper(learner) if validation.is_large else learner
    quality: dict[float, Doubles] = {}

    def mean(days: float) -> float:
        if days not in quality:
            candidate = tried_learner if days == start else with_days(tried_learner, days)
            quality[days] = validation.quality(candidate.fit(validation.past, np.random.default_rng(seed)))
        return mean_or_zero(quality[days])

    if isinstance(learner, Popularity):
        for days in grid:
            mean(days)
    else:
        mean(hill_climb(mean, start, grid))
    return quality


def _days(learner: Learner, tempo: float) -> dict[str, float]:
    return {name: tempo if value == AUTO else float(value) for name, value in _day_settings(learner).items()}


def _day_settings(learner: Learner) -> dict[str, Any]:
    """The half-lives and windows of a learner that belong to its users, by name."""
    names = [field.name for field in fields(cast(Any, learner))]
    return {name: getattr(learner, name) for name in names if name.endswith("_days") and name not in SHOP_WINDOWS}

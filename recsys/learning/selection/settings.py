"""Settings selection: the few settings whose best value differs from data to data are tried on held-back events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final, cast

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles
from recsys.learning.ensemble_weights import cross_fitted_single
from recsys.learning.half_life import hill_climb, mean_or_zero
from recsys.learning.selection.budget import Budget, limit_seconds
from recsys.learning.selection.cpu_limit import CpuLimitExceeded, cpu_limit
from recsys.learning.validation import Validation, is_better
from recsys.models.als import MORE_FACTORS, Als
from recsys.models.base import Learner
from recsys.models.ease import Ease
from recsys.models.fit_cost import DataSize, foretold_seconds, judging_seconds
from recsys.models.graph_filter import MOST_NUMBERS, GraphFilter
from recsys.models.graph_walk import AUTO_BETA, GraphWalk
from recsys.models.sequence import Sequence as Successors

MIN_GAIN = 0.003  # by which a value has to beat the default, beyond noise
STANDARD_ERRORS = 1.0  # of the gain of the value that each half of the judges would choose for the other
EASE_SCALES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)
ALS_SCALES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 1.4)  # a little too much and every factor is 0: best-sellers alone
BETAS = (0.0, 0.2, AUTO_BETA, 0.6, 0.8, 1.0)
HISTORY_FADES = (0.5, 0.6, 0.7, 0.8, 0.9)
TARGET_POWERS = (0.2, 0.3, 0.4, 0.55, 0.7)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The values of one setting in order.  start: what `auto` stands for."""

    setting: str
    start: float
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class TriedSettings:
    """chosen: the settings that replace `auto`.  tried: mean nDCG@10 by setting and value."""

    chosen: Mapping[str, float]
    tried: Mapping[str, Mapping[float, float]]

    def as_mapping(self) -> dict[str, Any]:
        """For a manifest."""
        tried = {
            setting: {f"{value:.3g}": round(ndcg, 4) for value, ndcg in by_value.items()}
            for setting, by_value in self.tried.items()
        }
        return {"chosen": dict(self.chosen), "tried": tried}


def ladders_of(learner: Learner, size: DataSize) -> list[Ladder]:
    """What to try for that learner, one setting after the other; nothing where somebody set the value."""
    return LADDERS[type(learner)](learner, size)


def with_best_settings(
    learner: Learner, validations: Sequence[Validation], budget: Budget, rng: Generator
) -> tuple[Learner, TriedSettings | None]:
    """The learner with the best values of its ladders; the default unless another beats it beyond noise.

    Each trial is judged by all validations.  What the budget does not allow is not tried.  None without any trial.
    """
    if budget.seconds <= 0 or type(learner) not in LADDERS:
        return learner, None
    seed, sizes = int(rng.integers(2**31)), [DataSize.of_data(each.past) for each in validations]
    chosen: dict[str, float] = {}
    tried: dict[str, Mapping[float, float]] = {}

    def cost(candidate: Learner) -> float:
        return sum(_trial_seconds(candidate, each, size) for each, size in zip(validations, sizes, strict=True))

    def measure(candidate: Learner) -> Doubles | None:
        """nDCG@10 of each user; None where the budget does not allow the trial, or it costs far more than foretold."""
        seconds = cost(candidate)
        if not budget.spend(seconds):
            return None
        try:
            with cpu_limit(limit_seconds(seconds)):
                models = [candidate.fit(each.past, np.random.default_rng(seed)) for each in validations]
                return np.concatenate([each.quality(model) for each, model in zip(validations, models, strict=True)])
        except CpuLimitExceeded:
            return None

    if 2 * cost(learner) > budget.seconds:  # one value alone says nothing
        return learner, None
    known: dict[Learner, Doubles | None] = {}

    def quality(candidate: Learner) -> Doubles | None:
        if candidate not in known:
            known[candidate] = measure(candidate)
        return known[candidate]

    for ladder in ladders_of(learner, sizes[0]):
        best, tried[ladder.setting] = _climb(learner, ladder, quality)
        if best != ladder.start:
            chosen[ladder.setting] = best
            learner = _changed(learner, ladder.setting, best)
    tried = {setting: by_value for setting, by_value in tried.items() if len(by_value) > 1}
    return learner, TriedSettings(chosen, tried) if tried else None


def _climb(
    learner: Learner, ladder: Ladder, quality_of: Callable[[Learner], Doubles | None]
) -> tuple[float, dict[float, float]]:
    """The best value, or the start where that is not better beyond noise; mean nDCG@10 of each value tried."""
    quality: dict[float, Doubles | None] = {}

    def mean(value: float) -> float:
        if value not in quality:
            quality[value] = quality_of(_changed(learner, ladder.setting, value))
        known = quality[value]
        return -inf if known is None else mean_or_zero(known)

    if mean(ladder.start) == -inf:
        return ladder.start, {}
    best = hill_climb(mean, ladder.start, sorted({*ladder.values, ladder.start}))
    known = {value: each for value, each in sorted(quality.items()) if each is not None}
    is_proven = best != ladder.start and _is_proven(known, ladder.start)
    return best if is_proven else ladder.start, {value: mean_or_zero(each) for value, each in known.items()}


def _is_proven(quality: Mapping[float, Doubles], start: float) -> bool:
    honest = cross_fitted_single(quality)
    return is_better(honest, quality[start], min_gain=MIN_GAIN, standard_errors=STANDARD_ERRORS)


def _trial_seconds(learner: Learner, validation: Validation, size: DataSize) -> float:
    return foretold_seconds(learner, size) + judging_seconds(len(validation.users), validation.past.n_items)


def _changed(learner: Learner, setting: str, value: float) -> Learner:
    return cast(Learner, replace(cast(Any, learner), **{setting: value}))


def _als_ladders(learner: Als, size: DataSize) -> list[Ladder]:
    ladders = []
    _, _, factors = learner.settings_for(int(size.users), size.items, int(size.pairs))
    if learner.regularization == "auto":
        ladders.append(Ladder("regularization_scale", learner.regularization_scale, ALS_SCALES))
    if learner.factors == "auto":
        ladders.append(Ladder("factors", factors, (factors // 2, 2 * factors)))
    # In a large sparse range factors say more than regularization, and the budget allows few trials.
    return ladders[::-1] if factors >= MORE_FACTORS else ladders


def _ease_ladders(learner: Ease, _size: DataSize) -> list[Ladder]:
    return [Ladder("l2_scale", learner.l2_scale, EASE_SCALES)] if learner.l2 == "auto" else []


def _graph_filter_ladders(learner: GraphFilter, size: DataSize) -> list[Ladder]:
    if learner.factors != "auto":
        return []
    factors = learner.n_factors(int(size.users), size.items)
    most = MOST_NUMBERS // max(1, size.items)
    return [
        Ladder("factors", factors, [each for each in (factors // 4, factors // 2, 2 * factors) if 2 < each <= most])
    ]


def _graph_walk_ladders(learner: GraphWalk, _size: DataSize) -> list[Ladder]:
    return [Ladder("beta", AUTO_BETA, BETAS)] if learner.beta == "auto" else []


def _sequence_ladders(learner: Successors, _size: DataSize) -> list[Ladder]:
    # How fast tastes move on, and how much best-sellers follow anything, differ most from shop to shop.
    return [
        Ladder("history_fade", learner.history_fade, HISTORY_FADES),
        Ladder("target_power", learner.target_power, TARGET_POWERS),
    ]


LADDERS: Final[Mapping[type[Any], Callable[[Any, DataSize], list[Ladder]]]] = {
    Als: _als_ladders,
    Ease: _ease_ladders,
    GraphFilter: _graph_filter_ladders,
    GraphWalk: _graph_walk_ladders,
    Successors: _sequence_ladders,
}

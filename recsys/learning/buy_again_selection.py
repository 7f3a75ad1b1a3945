"""Buy-again selection: the variant of the buy-again model and its half-life, chosen on held-back events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf

import numpy as np

from recsys.arrays import Doubles
from recsys.learning.half_life import HalfLife, days_to_try, hill_climb, mean_or_zero, span_days
from recsys.learning.validation import Validation, is_better
from recsys.models.buy_again import BuyAgain
from recsys.models.search_space import MOMENT, SPANS

MIN_GAIN = 0.01  # by which another variant has to beat the default
SEARCH_USERS = 500  # enough to search with; all users decide whether the result is better
ROUNDS = 2  # half-life and variant are chosen in turn, so often
NEAR = 1.2  # a half-life closer than that factor to the default would give the same
AS_SET = "as set"
VARIANTS: Mapping[str, Mapping[str, float]] = {
    AS_SET: {},
    "only the own": {"doubt": 0, "overdue_fade": 0, "demand_power": 0, "loyalty_power": 0, "reach_power": 0},
    "never overdue": {"overdue_fade": 0, "doubt": 0},
    "soon overdue": {"overdue_fade": 2.0},
    "after a while": {"overdue_fade": 0, "doubt": 10.0},
    "in fashion": {"demand_power": 0.3, "reach_power": 0},
    "loyal": {"loyalty_power": 1.0},
}


@dataclass(frozen=True, slots=True)
class BuyAgainChoice:
    """half_life: the chosen one and the others tried with the same variant.  ndcg_by_variant: the best of each."""

    learner: BuyAgain
    half_life: HalfLife
    ndcg_by_variant: Mapping[str, float]


@dataclass(slots=True)
class _Search:
    """nDCG@10 of each user with each variant and half-life that was tried."""

    default: BuyAgain
    validation: Validation
    seed: int
    quality: dict[tuple[str, float], Doubles] = field(default_factory=dict)

    def learner(self, variant: str, days: float) -> BuyAgain:
        return replace(self.default, half_life_days=days, **VARIANTS[variant])

    def mean(self, variant: str, days: float) -> float:
        if (variant, days) not in self.quality:
            self.quality[variant, days] = quality(self.learner(variant, days), self.validation, self.seed)
        return mean_or_zero(self.quality[variant, days])

    def best_by_variant(self) -> dict[str, float]:
        best: dict[str, float] = {}
        for variant, days in self.quality:
            best[variant] = max(best.get(variant, 0.0), round(self.mean(variant, days), 4))
        return best


def select_buy_again(default: BuyAgain, validation: Validation, rng: np.random.Generator) -> BuyAgainChoice:
    """The default settings, unless another variant or half-life beats them beyond noise.

    Shops differ in whether users give up what is overdue, whether a single purchase is a trial, whether they follow
    fashion, and in how long a purchase counts.  Variant and half-life depend on each other, so they are chosen in turn.
    """
    span = span_days(validation.past.histories)
    if span < MOMENT:
        return BuyAgainChoice(replace(default, half_life_days=inf), HalfLife(inf, {}), {})
    sample = replace(validation, users=validation.users.first(SEARCH_USERS))
    search = _Search(default, sample, int(rng.integers(2**31)))
    grid = days_to_try(default.half_life_days, span, SPANS, NEAR)
    variant, days = AS_SET, default.half_life_days
    for _ in range(ROUNDS):
        variant = max(VARIANTS, key=lambda name: (search.mean(name, days), name == variant))
        days = hill_climb(partial(search.mean, variant), days, grid)
    if (variant, days) != (AS_SET, default.half_life_days):
        # All users decide, including those who did not choose it.
        chosen, plain = (quality(tried, validation, search.seed) for tried in (search.learner(variant, days), default))
        if not is_better(chosen, plain, min_gain=MIN_GAIN):
            variant, days = AS_SET, default.half_life_days
    half_life = HalfLife(days, {other: search.mean(name, other) for name, other in search.quality if name == variant})
    return BuyAgainChoice(search.learner(variant, days), half_life, search.best_by_variant())


def quality(learner: BuyAgain, validation: Validation, seed: int) -> Doubles:
    """nDCG@10 of the learner for each user."""
    return validation.quality(learner.fit(validation.past, np.random.default_rng(seed)))

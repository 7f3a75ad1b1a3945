"""How customers of a shop buy again: how fast it is forgotten and what counts, found on what was held back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf

import numpy as np

from recsys.arrays import Doubles
from recsys.learning.half_life import HalfLife, hill_climb, mean_of, span_days
from recsys.learning.validation import Validation, is_better
from recsys.models.buy_again import BuyAgain
from recsys.models.search_space import MOMENT

GAIN = 0.01  # by so much another way of buying again has to beat the usual one
FEW = 500  # judges who are enough to look around; all of them say whether what was found is better
ROUNDS = 2  # each of pace and way is chosen given the other, so often
SPANS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # half-lives worth a try, of the time the data cover
NEAR = 1.2  # a half-life closer than that factor to the usual one would say the same
AS_SET = "as set"
WAYS: Mapping[str, Mapping[str, float]] = {
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
    """What was found.  pace: the half-life and the others tried with the same way; tried: the best of each way."""

    learner: BuyAgain
    pace: HalfLife
    tried: Mapping[str, float]


@dataclass(slots=True)
class _Search:
    """What each way and half-life tried reached, nDCG@10 judge by judge."""

    usual: BuyAgain
    trial: Validation
    seed: int
    reached: dict[tuple[str, float], Doubles] = field(default_factory=dict)

    def learner(self, way: str, days: float) -> BuyAgain:
        return replace(self.usual, half_life_days=days, **WAYS[way])

    def mean(self, way: str, days: float) -> float:
        if (way, days) not in self.reached:
            self.reached[way, days] = quality(self.learner(way, days), self.trial, self.seed)
        return mean_of(self.reached[way, days])


def select_buy_again(usual: BuyAgain, trial: Validation, rng: np.random.Generator) -> BuyAgainChoice:
    """The usual way at the usual pace, unless another beats it beyond noise.

    Shops differ in whether what is overdue is given up, a single purchase is a try, fashion is followed, and in how
    long ago still counts; the one changes what is best of the other, so both are chosen in turn.
    """
    span = span_days(trial.past.histories)
    if span < MOMENT:
        return BuyAgainChoice(replace(usual, half_life_days=inf), HalfLife(inf, {}), {})
    search = _Search(usual, replace(trial, panel=trial.panel.some(FEW)), int(rng.integers(2**31)))
    grid = _grid(usual.half_life_days, span)
    way, days = AS_SET, usual.half_life_days
    for _ in range(ROUNDS):
        way = max(WAYS, key=lambda name: (search.mean(name, days), name == way))
        days = hill_climb(partial(search.mean, way), days, grid)
    if not _is_proven(search, way, days, trial):
        way, days = AS_SET, usual.half_life_days
    return BuyAgainChoice(search.learner(way, days), _pace(search, way, days), _best_of_each(search))


def quality(learner: BuyAgain, trial: Validation, seed: int) -> Doubles:
    """nDCG@10 of the learner for each judge."""
    return trial.quality(learner.fit(trial.past, np.random.default_rng(seed)))


def _grid(usual: float, span: float) -> list[float]:
    others = [days for days in (share * span for share in SPANS) if not usual / NEAR < days < usual * NEAR]
    return sorted({*others, usual, inf})


def _is_proven(search: _Search, way: str, days: float, trial: Validation) -> bool:
    """Whether all judges say so, also those who did not choose."""
    if (way, days) == (AS_SET, search.usual.half_life_days):
        return True
    found, usual = (quality(one, trial, search.seed) for one in (search.learner(way, days), search.usual))
    return is_better(found, usual, by=GAIN)


def _pace(search: _Search, way: str, days: float) -> HalfLife:
    return HalfLife(days, {other: search.mean(name, other) for name, other in search.reached if name == way})


def _best_of_each(search: _Search) -> dict[str, float]:
    best: dict[str, float] = {}
    for way, days in search.reached:
        best[way] = max(best.get(way, 0.0), round(search.mean(way, days), 4))
    return best

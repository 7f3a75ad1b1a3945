"""Training budget: CPU seconds for models and settings on trial, foretold by formula and held inside every fit."""

from collections.abc import Mapping
from dataclasses import dataclass

from recsys.models.base import Learner
from recsys.models.fit_cost import DataSize, foretold_seconds

LIMIT = 4  # times the cost foretold; CPU seconds themselves differ by up to a half with the load
LEAST_LIMIT_S = 20.0


@dataclass(slots=True)
class Budget:
    """CPU seconds that are left for trials, by the cost foretold: the clock of a busy machine has no say."""

    seconds: float

    def spend(self, seconds: float) -> bool:
        """Whether so much is left; it then counts as spent."""
        if self.seconds <= 0 or seconds > self.seconds:
            return False
        self.seconds -= seconds
        return True

    def take(self, learner: Learner, size: DataSize) -> bool:
        """Whether a fit from so much still fits; it then counts as spent."""
        return self.spend(foretold_seconds(learner, size))


def limit_seconds(foretold: float) -> float:
    """CPU seconds after which a trial is broken off: so far above the cost foretold that no load of others reaches it.

    The same data give the same models unless a formula is wrong by that factor.
    """
    return max(LEAST_LIMIT_S, LIMIT * foretold)


def total_seconds(learners: Mapping[str, Learner], size: DataSize) -> float:
    """CPU seconds of fitting all of them."""
    return sum(foretold_seconds(learner, size) for learner in learners.values())

"""What a training is asked to make: which models, what is held back to choose by, how long spare ones may be tried."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from numpy.random import Generator

from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.learning.holdout import SplitKind
from recsys.models.base import Learner, Model

StepTimer = Callable[[str], AbstractContextManager[None]]  # times one step and tells the reader about it


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fit and what to hold back for choosing.  learners by name; validation_days at the end of the log.

    parting: what judges, so that it is like what will be asked: the last weeks; the last visit of each customer, where
    their next one will be asked for; or a random part, where what will be asked is as old as what is known.
    spare: made only if a list of new things gains by them; spare_seconds: for how long they may be tried.
    settled: names of models whose settings were chosen before, so that their half-lives stay as they are.
    """

    learners: Mapping[str, Learner]
    weight_by_kind: Mapping[Kind, float]
    validation_days: float = 28.0
    parting: SplitKind = "weeks"
    spare: Mapping[str, Learner] = field(default_factory=dict)
    spare_seconds: float = 240.0
    settled: frozenset[str] = frozenset()


def fit_all(
    learners: Mapping[str, Learner], data: Interactions, rng: Generator, step: StepTimer, label: str
) -> dict[str, Model]:
    """The model of each learner, each a step of its own."""
    models: dict[str, Model] = {}
    for name, learner in learners.items():
        with step(f"{label} {name}"):
            models[name] = learner.fit(data, rng)
    return models

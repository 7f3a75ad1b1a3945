"""Training plan: the models to train, the hold-out split, and the time for trying optional models."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from numpy.random import Generator

from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.learning.holdout import SplitKind
from recsys.models.base import Learner, Model

StepTimer = Callable[[str], AbstractContextManager[None]]  # times one step and reports it


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fit, and what to hold back for validation.  learners by name; validation_days at the end of the log.

    split: what is held back should be like the queries to come.  That is the last weeks; or the last visit of each
    user, to predict the next one; or a random part, where the queries are as old as the known events.
    optional: learners that are used only if lists of new items improve; optional_seconds: how long they may be tried.
    fixed: names of models whose settings were chosen before, so that their half-lives stay as they are.
    """

    learners: Mapping[str, Learner]
    weight_by_kind: Mapping[Kind, float]
    validation_days: float = 28.0
    split: SplitKind = "weeks"
    optional: Mapping[str, Learner] = field(default_factory=dict)
    optional_seconds: float = 240.0
    fixed: frozenset[str] = frozenset()


def fit_all(
    learners: Mapping[str, Learner], data: Interactions, rng: Generator, step: StepTimer, label: str
) -> dict[str, Model]:
    """The model of each learner; each fit is a step of its own."""
    models: dict[str, Model] = {}
    for name, learner in learners.items():
        with step(f"{label} {name}"):
            models[name] = learner.fit(data, rng)
    return models

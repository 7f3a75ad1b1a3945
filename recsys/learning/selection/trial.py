"""Trial of models: fits within the CPU limit, what validation says about each model, and why one dropped out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles
from recsys.data.dataset.interactions import Interactions
from recsys.learning.backends.base import StepTimer
from recsys.learning.ensemble_weights import BlendChoice
from recsys.learning.holdout import Holdout
from recsys.learning.recipe import Plan
from recsys.learning.selection.budget import Budget, limit_seconds, total_seconds
from recsys.learning.selection.cpu_limit import CpuLimitExceeded, cpu_limit
from recsys.learning.validation import ValidationUsers
from recsys.models.base import Learner, Model
from recsys.models.fit_cost import DataSize, foretold_seconds, judging_seconds


@dataclass(frozen=True, slots=True)
class ModelVerdict:
    """What validation says about one model: its nDCG@10 alone, and how far below the chosen list that is.

    difference, standard_error: of the model alone minus the chosen list, over the same users.  weight: in the chosen
    list, 1 where the model stands alone.
    """

    ndcg: float
    difference: float
    standard_error: float
    n_users: int
    weight: float

    def as_mapping(self) -> dict[str, float]:
        """For a manifest."""
        return {
            "ndcg_at_10": round(self.ndcg, 4),
            "against_chosen": round(self.difference, 4),
            "standard_error": round(self.standard_error, 4),
            "judges": self.n_users,
            "weight": round(self.weight, 4),
        }


@dataclass(slots=True)
class Trial:
    """Optional models on trial.  left_out: those that dropped out, and why.  verdicts: of the first look."""

    plan: Plan
    budget: Budget
    rng: Generator
    step: StepTimer
    left_out: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, ModelVerdict] = field(default_factory=dict)

    def fit(self, learners: Mapping[str, Learner], data: Interactions, label: str) -> dict[str, Model]:
        """The model of each learner, without optional ones whose fit was broken off."""
        size, models = DataSize.of_data(data), dict[str, Model]()
        for name, learner in learners.items():
            seconds = limit_seconds(foretold_seconds(learner, size)) if name in self.plan.optional else inf
            try:
                with cpu_limit(seconds):
                    models |= self.plan.backend.fit_all({name: learner}, data, self.rng, self.step, label)
            except CpuLimitExceeded:
                self.left_out[name] = f"broken off after {seconds:.3g} s of CPU, far more than foretold"
        return models

    def spend(self, learners: Mapping[str, Learner], holdout: Holdout, users: ValidationUsers) -> bool:
        """Whether that split of the data still fits the budget for all of these learners; it then counts as spent."""
        judging = len(learners) * judging_seconds(len(users), holdout.past.n_items)
        return self.budget.spend(total_seconds(learners, DataSize.of_data(holdout.past)) + judging)

    def drop(self, choice: BlendChoice, names: Sequence[str]) -> None:
        """Notes why each of these models is not used, where nothing is known yet."""
        self.left_out = {name: _reason(choice) for name in names} | self.left_out


def model_verdicts(choice: BlendChoice) -> dict[str, ModelVerdict]:
    return {name: _verdict(alone, choice.ndcg, choice.weights.get(name, 0.0)) for name, alone in choice.alone.items()}


def _verdict(alone: Doubles, chosen: Doubles, weight: float) -> ModelVerdict:
    if not len(chosen):  # a single user judges no blend that others chose
        return ModelVerdict(0.0, 0.0, 0.0, 0, weight)
    difference = alone - chosen
    error = float(difference.std() / np.sqrt(len(difference)))
    return ModelVerdict(float(alone.mean()), float(difference.mean()), error, len(alone), weight)


def _reason(choice: BlendChoice) -> str:
    if choice.is_enough:
        return "adds nothing to the others"
    if choice.gain < 0:
        return f"takes {-100 * choice.gain:.1f} % from the list, with all other spare ones"
    adds = f"adds {100 * choice.gain:.1f} % to the list, with all other spare ones"
    if choice.gain > choice.required:
        return f"{adds}, but {len(choice.ndcg):,} judges are too few to be sure of it"
    return f"{adds}; {100 * choice.required:g} % are asked for"

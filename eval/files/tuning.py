"""Better settings looked for on a slice of the training file, and on nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np

from eval.files.model_args import ModelRequest
from recsys.data.dataset.interactions import Interactions
from recsys.learning.holdout import hold_out
from recsys.learning.hyperparameter_search import MAX_EVENTS, MAX_USERS, Search, TunedModel, tune
from recsys.learning.model_selection import sample_of
from recsys.learning.recipe import Recipe
from recsys.learning.validation import Validation, validation_users
from recsys.models.registry import BUY_AGAIN, CONTEXT_ONLY
from recsys.progress import StepLog


@dataclass(frozen=True, slots=True)
class TuningResult:
    """What was found for each model asked for, by label, and for the models of `auto`, by name."""

    by_label: Mapping[str, TunedModel] = field(default_factory=dict)
    for_auto: Mapping[str, TunedModel] = field(default_factory=dict)

    def wanted(self, model: ModelRequest) -> ModelRequest:
        """The same model with the settings found."""
        return replace(model, learner=self.by_label[model.label].learner) if model.label in self.by_label else model

    def settings(self, model: ModelRequest) -> dict[str, Any]:
        """What was found, for a file of results; nothing where nothing was looked for."""
        if model.learner is None and self.for_auto:
            return {"tuned": {name: found.as_mapping() for name, found in self.for_auto.items()}}
        return {"tuned": self.by_label[model.label].as_mapping()} if model.label in self.by_label else {}

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe of `auto` with what was found; what beats the defaults keeps the half-life it was found with."""
        plan = recipe.plan
        found = {name: tuned.learner for name, tuned in self.for_auto.items() if tuned.is_better}
        learners, spare = (
            {name: found.get(name, learner) for name, learner in group.items()}
            for group in (plan.learners, plan.optional)
        )
        settled = plan.fixed | found.keys()
        return replace(recipe, plan=replace(plan, learners=learners, optional=spare, fixed=settled))


def findings(
    models: Sequence[ModelRequest],
    recipe: Recipe,
    data: Interactions,
    *,
    is_hiding: bool,
    seconds: float,
    steps: StepLog,
) -> TuningResult:
    """Searches for every model asked for, and for all of `auto` if it is, within that many seconds together."""
    plan, start = recipe.plan, perf_counter()
    held = hold_out(data, plan.validation_days, np.random.default_rng(recipe.seed), split=plan.split)
    rng = np.random.default_rng(recipe.seed)
    trial = Validation(
        sample_of(held.past, rng, MAX_EVENTS), validation_users(held, rng, MAX_USERS), only_new=is_hiding
    )
    open_ones = [(one.label, one.name, one.given) for one in models if one.learner is not None]
    if any(one.learner is None for one in models):
        open_ones += [("", name, {}) for name in (*plan.learners, *plan.optional) if name not in CONTEXT_ONLY]
    by_label: dict[str, TunedModel] = {}
    for_auto: dict[str, TunedModel] = {}
    for n, (label, name, given) in enumerate(open_ones):
        share = (seconds - (perf_counter() - start)) / (len(open_ones) - n)
        asked = trial if label else replace(trial, only_new=name != BUY_AGAIN)
        with steps(f"tune {label or name}"):
            found = tune(name, given, asked, Search(share, recipe.seed))
        (by_label if label else for_auto)[label or name] = found
    return TuningResult(by_label, for_auto)

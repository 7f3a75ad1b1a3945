"""Tuning: better settings for the models of an evaluation, found on a part of the training file only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np

from eval.files.model_args import ModelRequest
from eval.files.results import FileTerms
from recsys.data.dataset.interactions import Interactions
from recsys.learning.holdout import hold_out
from recsys.learning.hyperparameter_search import MAX_EVENTS, MAX_USERS, Search, TunedModel, tune
from recsys.learning.model_selection import draw_sample
from recsys.learning.recipe import Recipe
from recsys.learning.validation import Validation, validation_users
from recsys.models.registry import BUY_AGAIN, CONTEXT_ONLY
from recsys.progress import StepLog


@dataclass(frozen=True, slots=True)
class TuningResult:
    """The tuned models of the requests, by label, and those of `auto`, by name."""

    by_label: Mapping[str, TunedModel] = field(default_factory=dict)
    for_auto: Mapping[str, TunedModel] = field(default_factory=dict)

    def tuned_request(self, model: ModelRequest) -> ModelRequest:
        """The same request with the tuned settings."""
        return replace(model, learner=self.by_label[model.label].learner) if model.label in self.by_label else model

    def as_settings(self, model: ModelRequest) -> dict[str, Any]:
        """The tuned settings, for a file of results; nothing for a model that was not tuned."""
        if model.learner is None and self.for_auto:
            return {"tuned": {name: tuned.as_mapping() for name, tuned in self.for_auto.items()}}
        return {"tuned": self.by_label[model.label].as_mapping()} if model.label in self.by_label else {}

    def tuned_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe of `auto` with the tuned models that beat their defaults; they keep their half-life."""
        plan = recipe.plan
        better = {name: tuned.learner for name, tuned in self.for_auto.items() if tuned.is_better}
        learners, optional = (
            {name: better.get(name, learner) for name, learner in group.items()}
            for group in (plan.learners, plan.optional)
        )
        fixed = plan.fixed | better.keys()
        return replace(recipe, plan=replace(plan, learners=learners, optional=optional, fixed=fixed))


def tune_models(
    models: Sequence[ModelRequest], recipe: Recipe, data: Interactions, terms: FileTerms, steps: StepLog
) -> TuningResult:
    """Searches settings for every requested model, and for all models of `auto`, within the time for tuning."""
    plan, start = recipe.plan, perf_counter()
    held = hold_out(data, plan.validation_days, np.random.default_rng(recipe.seed), split=plan.split)
    rng = np.random.default_rng(recipe.seed)
    trial = Validation(
        draw_sample(held.past, rng, MAX_EVENTS), validation_users(held, rng, MAX_USERS), only_new=terms.is_hiding
    )
    searches = [(model.label, model.name, model.given) for model in models if model.learner is not None]
    if any(model.learner is None for model in models):
        searches += [("", name, {}) for name in (*plan.learners, *plan.optional) if name not in CONTEXT_ONLY]
    by_label: dict[str, TunedModel] = {}
    for_auto: dict[str, TunedModel] = {}
    for n, (label, name, given) in enumerate(searches):
        share = (terms.tune_seconds - (perf_counter() - start)) / (len(searches) - n)
        validation = trial if label else replace(trial, only_new=name != BUY_AGAIN)
        with steps(f"tune {label or name}"):
            tuned = tune(name, given, validation, Search(share, recipe.seed))
        (by_label if label else for_auto)[label or name] = tuned
    return TuningResult(by_label, for_auto)

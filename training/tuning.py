"""Hyperparameter search for the shop's models on a holdout; training reads the settings it finds."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from recsys.atomic_file import replace_file
from recsys.config import TrainSettings, read_table, spelling_hint
from recsys.data.dataset.dataset import build_dataset
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.store.base import Store
from recsys.errors import UnknownModel
from recsys.learning.holdout import hold_out
from recsys.learning.hyperparameter_search import MAX_EVENTS, MAX_USERS, Search, TunedModel, tune
from recsys.learning.model_selection import draw_sample
from recsys.learning.recipe import Plan, Recipe, read_recipe
from recsys.learning.validation import Validation, validation_users
from recsys.models.registry import BUY_AGAIN, CONTEXT_ONLY, LEARNERS
from training.home_files import TUNED

TRIALS = "tuning.log"  # in the home: every setting that was tried, so that a search can go on
HEAD = """# Written by `recsys tune`; recsys.toml wins over it. Delete a table to return to the defaults.
"""

ReportTrial = Callable[[str, float, int, float], None]  # model, its seconds, settings tried, best nDCG@10 so far


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """Which models to tune (empty: all that training makes), for how long together, with which seed."""

    models: Sequence[str]
    seconds: float
    seed: int


def tune_models(
    store: Store,
    home: Path,
    file: Path | None,
    request: TuneRequest,
    report_trial: ReportTrial,
    report_step: Callable[[str], None],
) -> list[TunedModel]:
    """Searches and writes the file that training reads.  Raises NotEnoughData, BadSettings, UnknownModel."""
    start, tables = time.perf_counter(), read_table(file, "models")
    recipe = read_recipe(file, validation_days=TrainSettings.load(file).validation_days, seed=request.seed)
    names = _names(recipe.plan, request.models)
    report_step("reading")
    validation = _validation(store, recipe)
    tuned = []
    for n, name in enumerate(names):
        report_step(name)
        share = (request.seconds - (time.perf_counter() - start)) / (len(names) - n)
        given = {key: value for key, value in tables.get(name, {}).items() if key != "off"}
        model_validation = replace(validation, only_new=name != BUY_AGAIN)
        budget = Search(share, request.seed, home / TRIALS)
        tuned.append(tune(name, given, model_validation, budget, partial(report_trial, name)))
    write_tuned(home, tuned, tables)
    return tuned


def write_tuned(home: Path, tuned: Sequence[TunedModel], given: Mapping[str, Any]) -> None:
    """Writes a table for each model whose defaults were beaten; keeps those of models that were not tuned now.

    given: the settings of recsys.toml by model, which are not written again.
    """
    path = home / TUNED
    tables = read_table(path, "models")
    for model in tuned:
        tables.pop(model.name, None)
        if model.is_better:
            own = given.get(model.name, {})
            tables[model.name] = {key: value for key, value in model.params.items() if key not in own}
    notes = {model.name: f"# {summary(model)}\n" for model in tuned}
    text = "".join(
        f"\n{notes.get(name, '')}[models.{name}]\n{tomli_w.dumps(params)}" for name, params in tables.items()
    )
    replace_file(path, (HEAD + text).encode())


def summary(tuned: TunedModel) -> str:
    """One sentence about what the search found."""
    name, default, n_trials = tuned.name, f"nDCG@10 {tuned.default:.4f}", f"{tuned.n_tried:,} settings tried"
    if not tuned.is_better:
        return f"{name}: the defaults stay, nothing beats them beyond noise ({n_trials}; {default})"
    return f"{name}: {100 * tuned.gain:.1f} % better, {default} to {tuned.reached:.4f} ({n_trials})"


def _names(plan: Plan, wanted: Sequence[str]) -> list[str]:
    known = [name for name in LEARNERS if name not in CONTEXT_ONLY]
    for name in wanted:
        if name not in known:
            raise UnknownModel(f"{name!r} is no model to tune; {spelling_hint(name, known)}")
    return list(wanted) or [name for name in plan.learners if name not in CONTEXT_ONLY]


def _validation(store: Store, recipe: Recipe) -> Validation:
    """The past to learn from and the customers to validate on."""
    snapshot, plan, rng = read_snapshot(store), recipe.plan, np.random.default_rng(recipe.seed)
    data = build_dataset(
        snapshot.events,
        snapshot.items,
        now=snapshot.last_at,
        weight_by_kind=plan.weight_by_kind,
        never_show=recipe.never_show,
        unvouched_share=recipe.unvouched_share,
    ).data
    held = hold_out(data, plan.validation_days, rng)
    return Validation(draw_sample(held.past, rng, MAX_EVENTS), validation_users(held, rng, MAX_USERS), only_new=True)

"""Contenders of an evaluation of files: baselines, single models, and `auto`, each with its lists for all customers."""

import time
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.files.baselines import best_by_score, build_scorers
from eval.files.model_args import AUTO, ModelRequest
from eval.files.results import FileTerms
from eval.files.scoring import FileLists
from eval.files.users import FileUsers
from eval.replay import replay
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.snapshot import Snapshot
from recsys.engine.engine import Engine
from recsys.index.exact import ExactIndex
from recsys.learning.bundle_builder import build_bundle, catalogue_splits
from recsys.learning.recipe import Recipe
from recsys.models.base import Model, VectorModel
from recsys.models.registry import CONTEXT_ONLY
from recsys.progress import StepLog
from recsys.ranking.placements import Placement
from recsys.ranking.recommender import Recommender, build_recommender

VERSION = "own-split"


def popularity_recommender(snapshot: Snapshot, recipe: Recipe, directory: Path) -> Recommender:
    """Best-sellers only: the lists of strangers, and the catalogue that numbers all items."""
    learners = {"popularity": recipe.plan.learners["popularity"]}
    plan = replace(recipe.plan, learners=learners, optional={}, fixed=frozenset(learners))
    return _recommender(snapshot, replace(recipe, plan=plan), directory, StepLog())


def baseline_lists(
    popularity: Recommender, users: FileUsers, terms: FileTerms, steps: StepLog, *, has_times: bool
) -> dict[str, FileLists]:
    """The lists of every baseline that makes sense, by name."""
    histories = [popularity.engine.history_of(user_id) for user_id in users.user_ids]
    rng = np.random.default_rng(terms.seed)
    scorers = build_scorers(popularity.engine.histories, rng, is_hiding=terms.is_hiding, has_times=has_times)
    lists = {}
    for name, scorer in scorers.items():
        with steps(f"ask {name}"):
            start = time.perf_counter()
            replayed = best_by_score(scorer, histories, terms.ks[-1], is_hiding=terms.is_hiding)
            lists[name] = FileLists(replayed, "baseline", {}, {}, 0.0, time.perf_counter() - start)
    return lists


def model_lists(
    request: ModelRequest,
    data: Interactions,
    popularity: Recommender,
    users: FileUsers,
    terms: FileTerms,
    steps: StepLog,
) -> FileLists:
    """The lists of one model alone, through the recommender that serves, with exact scores."""
    start = time.perf_counter()
    with steps(f"fit {request.label}"):
        model = request.learner.fit(data, np.random.default_rng(terms.seed))  # type: ignore[union-attr]
    fitted = time.perf_counter()
    recommender = replace(popularity, engine=_engine_with(popularity, request.name, model))
    placement = Placement(sources=(request.name,), shows="never-bought" if terms.is_hiding else "all")
    with steps(f"ask {request.label}"):
        replayed = replay(recommender, placement, users.user_ids, terms.ks[-1])
    splits = catalogue_splits({request.name: model})
    settings = {**asdict(request.learner), "parted": splits}  # type: ignore[call-overload]
    seconds = fitted - start, time.perf_counter() - fitted
    return FileLists(replayed, "model", settings, _fitted_settings(model), *seconds)


def auto_lists(
    snapshot: Snapshot, recipe: Recipe, users: FileUsers, terms: FileTerms, directory: Path, steps: StepLog
) -> FileLists:
    """The lists that training would serve in such a placement, with nothing chosen by hand."""
    start = time.perf_counter()
    learners = {name: learner for name, learner in recipe.plan.learners.items() if name not in CONTEXT_ONLY}
    recipe = replace(recipe, plan=replace(recipe.plan, learners=learners))
    recommender = _recommender(snapshot, recipe, directory, steps)
    fitted = time.perf_counter()
    with steps(f"ask {AUTO}"):
        replayed = replay(recommender, recommender.placements[terms.placement], users.user_ids, terms.ks[-1])
    manifest, engine = recommender.bundle.manifest, recommender.engine
    best = {name: calibration.upper for name, calibration in engine.calibrations.items()}
    settings = {"placement": terms.placement, **manifest.blend, "best_chances": best, "models": manifest.models}
    resolved = {name: _fitted_settings(model) for name, model in engine.models.items()}
    return FileLists(replayed, "auto", settings, resolved, fitted - start, time.perf_counter() - fitted)


def _recommender(snapshot: Snapshot, recipe: Recipe, directory: Path, steps: StepLog) -> Recommender:
    return build_recommender(build_bundle(snapshot, directory, recipe, steps, version=VERSION), (), None)


def _engine_with(popularity: Recommender, name: str, model: Model) -> Engine:
    """The engine with that model beside the best-sellers; a vector model is searched exactly, which is faster."""
    engine = replace(popularity.engine, models={**popularity.engine.models, name: model})
    if not isinstance(model, VectorModel):
        return engine
    return replace(engine, indexes={"personal": ExactIndex.from_vectors(model.item_vectors)})


def _fitted_settings(model: Model) -> dict[str, Any]:
    """Every number and text that the model keeps, by name, and `factors` for a vector model; no arrays.

    Settings that only shaped the arrays while learning are not kept by the model, so they are missing here.
    """
    kept = {field.name: getattr(model, field.name) for field in fields(model)}  # type: ignore[arg-type]
    settings = {name: value for name, value in kept.items() if isinstance(value, bool | int | float | str)}
    return settings | ({"factors": model.item_vectors.shape[1]} if isinstance(model, VectorModel) else {})

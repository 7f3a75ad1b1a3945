"""Bundle builder: from a snapshot of the log to a bundle directory, for training and for evaluation."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from recsys import __version__
from recsys.bundle import Bundle, Manifest, write_bundle
from recsys.customers.kpis.counted.stored import write_rows
from recsys.customers.people import score_columns, write_people
from recsys.data.dataset.snapshot import Snapshot
from recsys.engine.candidate_cache import CandidateCache
from recsys.engine.engine import Engine, engine_arrays, save_indexes
from recsys.index.base import IndexReport
from recsys.learning.engine_parts import TrainingInput, learn_parts
from recsys.learning.fit import SelectionResult, fit_engine
from recsys.learning.precompute import precompute_candidates
from recsys.learning.ratings import rating_arrays
from recsys.learning.recipe import Recipe
from recsys.models.als import AlsModel
from recsys.models.base import Model
from recsys.models.ease import EaseModel
from recsys.progress import StepLog

NOTES_OF_CHOICES = ("half_lives", "searched", "left_out", "verdicts", "buying_again")


def build_bundle(
    snapshot: Snapshot,
    directory: Path,
    recipe: Recipe,
    steps: StepLog,
    *,
    version: str,
    now: float | None = None,
    with_ratings: bool = False,
) -> Bundle:
    """The bundle of what was known at `now` (days since 1970, default: at the last event), written to `directory`.

    with_ratings: also train the model that predicts ratings, where there are any; recommendation lists do not need it.
    """
    moment = now if now is not None else snapshot.last_at
    with steps("prepare"):
        dataset = recipe.plan.backend.build_dataset(
            snapshot,
            now=moment,
            weight_by_kind=recipe.plan.weight_by_kind,
            never_show=recipe.never_show,
            unvouched_share=recipe.unvouched_share,
        )
    engine, selection, reports = fit_engine(
        dataset, recipe.plan, np.random.default_rng(recipe.seed), steps, version=version
    )
    with steps("segments"):
        training = TrainingInput(engine, dataset, snapshot, recipe)
        engine, part_notes = learn_parts(training)
    if recipe.precomputes:
        with steps("candidates"):
            precomputed = precompute_candidates(engine, dataset.catalogue.is_listed)
            engine = replace(engine, candidate_cache=CandidateCache(0, precomputed))
    arrays = engine_arrays(engine) | {f"catalogue/{name}": array for name, array in dataset.catalogue.arrays().items()}
    if with_ratings:
        arrays |= rating_arrays(snapshot.events, dataset, recipe.seed, steps)
    manifest = _manifest(training, selection, reports)
    manifest = manifest.model_copy(update={"blend": manifest.blend | part_notes, "steps": dict(steps.done)})
    with steps("write"):
        return write_bundle(
            directory,
            arrays,
            manifest,
            lambda folder: _save_files(engine, training, folder),
            durable=recipe.precomputes,  # a release for an evaluation alone is deleted after it
        )


def _save_files(engine: Engine, training: TrainingInput, folder: Path) -> None:
    save_indexes(engine.indexes, folder)
    words, scores = training.dataset.catalogue.category.words, score_columns(engine.customer_scores)
    write_people(folder, engine.customers, engine.users, words, scores)
    if training.recipe.precomputes:
        write_rows(folder, training.snapshot, training.recipe.never_show)


def catalogue_splits(models: Mapping[str, Model]) -> dict[str, str]:
    """How the memory limit splits the catalogue for a model, by name; only models that do not treat all items alike."""
    splits = {name: model.catalogue_split for name, model in models.items() if isinstance(model, EaseModel)}
    return {name: words for name, words in splits.items() if words is not None}


def _notes_taken_over(release: Bundle | None) -> dict[str, Any]:
    """What the release whose choices are taken over says of them."""
    if release is None:
        return {}
    known = release.manifest.blend
    return {name: known[name] for name in NOTES_OF_CHOICES if name in known} | {"choices_of": release.manifest.version}


def _manifest(training: TrainingInput, selection: SelectionResult, reports: Mapping[str, IndexReport]) -> Manifest:
    engine, histories, choice = training.engine, training.dataset.data.histories, selection.choice
    models = {name: asdict(learner) for name, learner in choice.learners.items()}  # type: ignore[call-overload]
    weights = {str(int(kind)): weight for kind, weight in training.recipe.plan.weight_by_kind.items()}
    return Manifest(
        version=engine.version,
        made_at_ms=int(time.time() * 1000),
        now=histories.now,
        log_id=training.snapshot.log_id,
        log_seq=training.snapshot.log_seq,
        item_revision=training.snapshot.item_revision,
        data_digest=training.snapshot.data_digest,
        sizes={"users": len(histories), "items": engine.n_items, "events": len(histories.item)},
        window={
            "from": float(histories.at.min()),
            "until": float(histories.at.max()),
            "stragglers": training.snapshot.n_trailing_outliers,
            "unvouched": training.dataset.n_unvouched,
        },
        engine=training.recipe.plan.backend.name,
        fold_in={name: model.fold_in for name, model in engine.models.items() if isinstance(model, AlsModel)},
        models=models,
        blend={
            "weights": dict(choice.blend),
            "chances": sorted(selection.calibrations),
            "repeat_share": selection.repeat_share,
            "judges": selection.n_users,
            "held_back": selection.holdout,
            "half_lives": {name: half_life.as_mapping() for name, half_life in choice.half_lives.items()},
            "searched": {name: tried.as_mapping() for name, tried in choice.searched.items()},
            "left_out": dict(choice.left_out),
            "verdicts": {name: verdict.as_mapping() for name, verdict in choice.verdicts.items()},
            "buying_again": dict(choice.buy_again),
            "parted": catalogue_splits(engine.models),
            "weight_by_kind": weights,
            **_notes_taken_over(training.recipe.plan.chosen_by),
        },
        index={name: asdict(report) for name, report in reports.items()},
        settings=hashlib.sha256(repr((sorted(models.items()), weights)).encode()).hexdigest()[:16],
        given=training.recipe.given,
        build=__version__,
    )

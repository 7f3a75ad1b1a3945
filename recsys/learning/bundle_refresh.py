"""Bundle refresh: a bundle with the models of an earlier one, and everything else learnt anew from the log of now.

The bundle keeps the item numbering of the one below it, in which the positions in its models are written.  An item that
came since has no position: it stays a new item, which the catalogue adds, until the next training.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from recsys.arrays import AnyArray
from recsys.bundle import Bundle, Manifest
from recsys.bundle.bundle import SUFFIX, link_files, write_bundle
from recsys.customers.kpis.counted.stored import write_rows
from recsys.customers.people import score_columns, write_people
from recsys.data.dataset.dataset import Dataset, build_dataset
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.ids import IdMap, Texts
from recsys.engine.candidate_cache import CandidateCache
from recsys.engine.engine import Engine, engine_arrays, open_engine
from recsys.learning.backends.native import fit_all
from recsys.learning.engine_parts import TrainingInput, learn_parts
from recsys.learning.precompute import precompute_candidates
from recsys.learning.ratings import rating_arrays
from recsys.learning.recipe import Recipe, recipe_of
from recsys.models.base import Model
from recsys.models.registry import REFRESHED_MODELS
from recsys.progress import StepLog


def refresh_bundle(
    base: Bundle, snapshot: Snapshot, directory: Path, recipe: Recipe, steps: StepLog, *, version: str
) -> Bundle:
    """The bundle with the models of `base`, refreshed from the snapshot, in `directory`; their files are hard links.

    Learnt anew, with the settings that `base` was learnt with: best-sellers and trends, what customers buy again, the
    models that number customers, histories, segments, intervals, ratings, prices, and the candidates of customers.
    base: opened with its digests checked.  Raises NotEnoughData, and BadBundle for a base of another build.
    """
    engine, chosen = open_engine(base), recipe_of(base, recipe)
    with steps("prepare"):
        dataset = build_dataset(
            snapshot.events,
            snapshot.items,
            now=snapshot.last_at,
            weight_by_kind=chosen.plan.weight_by_kind,
            never_show=recipe.never_show,
            unvouched_share=recipe.unvouched_share,
            item_ids=IdMap(Texts.from_arrays(base.group("catalogue/ids"), "")),
        )
    learners = {name: learner for name, learner in chosen.plan.learners.items() if name in REFRESHED_MODELS}
    models = fit_all(learners, dataset.data, np.random.default_rng(recipe.seed), steps, "fit")
    training = TrainingInput(engine, dataset, snapshot, recipe)
    engine, notes = _refreshed(engine, version, models, training, steps)
    arrays = _arrays(engine, dataset, base)
    arrays |= rating_arrays(snapshot.events, dataset, recipe.seed, steps)
    manifest = _manifest(base.manifest, dataset, snapshot, version)
    manifest = manifest.model_copy(update={"blend": manifest.blend | notes, "steps": dict(steps.done)})
    with steps("write"):
        return write_bundle(directory, arrays, manifest, lambda folder: _save_files(engine, training, base, folder))


def _save_files(engine: Engine, training: TrainingInput, base: Bundle, folder: Path) -> None:
    link_files(base, folder, shared_files(base))
    words, scores = training.dataset.catalogue.category.words, score_columns(engine.customer_scores)
    write_people(folder, engine.customers, engine.users, words, scores)
    write_rows(folder, training.snapshot, training.recipe.never_show)


def shared_files(base: Bundle) -> list[str]:
    """The files of that bundle that a refreshed one shares: models without customers, indexes, purchase chances."""
    kept = {f"models/{name}/" for name in base.manifest.models.keys() - REFRESHED_MODELS} | {"index/", "chances/"}
    return [name for name in base.manifest.files if name.startswith(tuple(kept))]


def _refreshed(
    engine: Engine, version: str, models: Mapping[str, Model], training: TrainingInput, steps: StepLog
) -> tuple[Engine, dict[str, Any]]:
    """The engine with these models in place of its own and with new parts, and what the manifest says of the parts."""
    dataset = training.dataset
    engine = replace(
        engine,
        version=version,
        users=dataset.users,
        histories=dataset.data.histories,
        category=dataset.data.category,
        models={**engine.models, **models},
        candidate_cache=CandidateCache(0),
    )
    with steps("segments"):
        engine, notes = learn_parts(replace(training, engine=engine))
    with steps("candidates"):
        precomputed = precompute_candidates(engine, dataset.catalogue.is_listed)
    return replace(engine, candidate_cache=CandidateCache(0, precomputed)), notes


def _arrays(engine: Engine, dataset: Dataset, base: Bundle) -> dict[str, AnyArray]:
    """Those that are written: all but the shared ones."""
    shared = {name.removesuffix(SUFFIX) for name in shared_files(base)}
    catalogue = {f"catalogue/{name}": array for name, array in dataset.catalogue.arrays().items()}
    return {name: array for name, array in (engine_arrays(engine) | catalogue).items() if name not in shared}


def _manifest(base: Manifest, dataset: Dataset, snapshot: Snapshot, version: str) -> Manifest:
    """That of the base with another end of the data.

    item_revision stays: the items that came since are unknown to the numbering, and the service adds them as new.
    """
    histories = dataset.data.histories
    return base.model_copy(
        update={
            "version": version,
            "made_at_ms": int(time.time() * 1000),
            "now": histories.now,
            "log_id": snapshot.log_id,
            "log_seq": snapshot.log_seq,
            "data_digest": snapshot.data_digest,
            "models_of": base.models_of or base.version,
            "sizes": {"users": len(histories), "items": histories.n_items, "events": len(histories.item)},
            "window": {
                "from": float(histories.at.min()),
                "until": float(histories.at.max()),
                "stragglers": snapshot.n_trailing_outliers,
                "unvouched": dataset.n_unvouched,
            },
        }
    )

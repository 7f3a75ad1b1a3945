"""From a snapshot of the log to a bundle directory: what training publishes and evaluation asks."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from recsys.bundle import Bundle, Manifest, write_bundle
from recsys.data.dataset.dataset import Dataset, build_dataset
from recsys.data.dataset.snapshot import Snapshot
from recsys.engine.candidate_cache import CandidateCache
from recsys.engine.engine import Engine, engine_arrays, save_indexes
from recsys.index.base import IndexReport
from recsys.learning.engine_parts import TrainingInput, learn_parts
from recsys.learning.fit import SelectionResult, fit_engine
from recsys.learning.precompute import precompute_candidates
from recsys.learning.ratings import rating_arrays
from recsys.learning.recipe import Recipe
from recsys.models.base import Model
from recsys.models.ease import EaseModel
from recsys.progress import StepLog


def build_bundle(
    snapshot: Snapshot,
    directory: Path,
    recipe: Recipe,
    steps: StepLog,
    *,
    version: str,
    now: float | None = None,
    foretells_ratings: bool = False,
) -> Bundle:
    """The bundle of what was known at `now` (days since 1970, default: at the last event), written to `directory`.

    foretells_ratings: also learn what customers would rate, where there are ratings; lists do without.
    """
    moment = now if now is not None else snapshot.last_at
    with steps("prepare"):
        shop = build_dataset(
            snapshot.events,
            snapshot.items,
            now=moment,
            weight_by_kind=recipe.plan.weight_by_kind,
            never_show=recipe.never_show,
        )
    engine, mixing, reports = fit_engine(shop, recipe.plan, np.random.default_rng(recipe.seed), steps, version=version)
    with steps("segments"):
        engine, part_notes = learn_parts(TrainingInput(engine, shop, snapshot, recipe))
    if recipe.prepares:
        with steps("candidates"):
            precomputed = precompute_candidates(engine, shop.catalogue.is_listed)
            engine = replace(engine, candidate_cache=CandidateCache(0, precomputed))
    manifest = _manifest(snapshot, shop, engine, mixing, reports, recipe)
    manifest = manifest.model_copy(update={"blend": manifest.blend | part_notes})
    arrays = engine_arrays(engine) | {f"catalogue/{name}": array for name, array in shop.catalogue.arrays().items()}
    if foretells_ratings:
        arrays |= rating_arrays(snapshot.events, shop, recipe.seed, steps)
    manifest = manifest.model_copy(update={"steps": dict(steps.done)})
    with steps("write"):
        return write_bundle(directory, arrays, manifest, lambda folder: save_indexes(engine.indexes, folder))


def split_kind_in(models: Mapping[str, Model]) -> dict[str, str]:
    """Which models do not treat all items alike because of the memory they may take, and how; by name."""
    told = {name: model.parted for name, model in models.items() if isinstance(model, EaseModel)}
    return {name: words for name, words in told.items() if words is not None}


def _manifest(
    snapshot: Snapshot,
    shop: Dataset,
    engine: Engine,
    mixing: SelectionResult,
    reports: Mapping[str, IndexReport],
    recipe: Recipe,
) -> Manifest:
    plan, histories = recipe.plan, shop.data.histories
    models = {name: asdict(learner) for name, learner in mixing.learners.items()}  # type: ignore[call-overload]
    weights = {str(int(kind)): weight for kind, weight in plan.weight_by_kind.items()}
    return Manifest(
        version=engine.version,
        made_at_ms=int(time.time() * 1000),
        now=histories.now,
        log_seq=snapshot.log_seq,
        item_revision=snapshot.item_revision,
        sizes={"users": len(histories), "items": engine.n_items, "events": len(histories.item)},
        window={
            "from": float(histories.at.min()),
            "until": float(histories.at.max()),
            "stragglers": snapshot.n_trailing_outliers,
        },
        models=models,
        blend={
            "weights": dict(mixing.blend),
            "chances": sorted(mixing.chances),
            "repeat_share": mixing.repeat_share,
            "judges": mixing.judges,
            "held_back": mixing.held_back,
            "half_lives": {name: pace.as_mapping() for name, pace in mixing.paces.items()},
            "left_out": dict(mixing.left_out),
            "buying_again": dict(mixing.habit),
            "parted": split_kind_in(engine.models),
            "weight_by_kind": weights,
        },
        index={name: dict(report.as_mapping()) for name, report in reports.items()},
        settings=hashlib.sha256(repr((sorted(models.items()), weights)).encode()).hexdigest()[:16],
    )

"""Any models on two given files: learn from one, ask through the recommender that serves, judge by the other."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from eval.files.baselines import scorers_of, shown_by
from eval.files.fitted_settings import all_resolved, resolved_of
from eval.files.loader import Facts, FileRows, events_of, in_order
from eval.files.model_args import AUTO, ModelRequest
from eval.files.scoring import Entry, FileLists, FileScoring, headline, score_lists
from eval.files.segments import file_segments, is_later
from eval.files.timestamps import days_to_hold, on_one_clock, parting_of
from eval.files.tuning import TuningResult, findings
from eval.files.users import FileUsers, build_users
from eval.protocol import MIN_GROUP
from eval.replay import ReplayedLists, replay
from recsys.data.dataset.dataset import build_dataset
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.snapshot import Snapshot
from recsys.engine.engine import Engine, vector_models
from recsys.errors import NotEnoughData
from recsys.index.exact import ExactIndex
from recsys.learning.bundle_builder import build_bundle, catalogue_splits
from recsys.learning.recipe import Recipe, recipe_of
from recsys.models.base import Model, VectorModel
from recsys.models.registry import CONTEXT_ONLY
from recsys.progress import StepLog
from recsys.ranking.placements import Placement
from recsys.ranking.recommender import Recommender, build_recommender

VERSION = "own-split"
VALIDATION_DAYS = 28.0
ALREADY_HAD = "the customer had it in the training file, so it is hidden"
TWICE = "the same customer and item again"

SeenItems = Literal["hide", "keep"]


@dataclass(frozen=True, slots=True)
class FileTerms:
    """Lengths of the lists, ascending; whether what a customer has may stand in them; the seed of everything.

    tune_seconds: for how long better settings are looked for, on a slice of the training file; 0 takes the defaults.
    """

    ks: tuple[int, ...]
    seen: SeenItems
    seed: int
    tune_seconds: float = 0.0

    @property
    def k(self) -> int:
        """The length that verdicts are about."""
        return headline(self.ks)

    @property
    def is_hiding(self) -> bool:
        return self.seen == "hide"

    @property
    def placement(self) -> str:
        """Where a shop would show such a list."""
        return "discover" if self.is_hiding else "home"


@dataclass(frozen=True, slots=True)
class FileEvaluation:
    """Everything that was found.  lists: by name, for whoever scores them with code of their own."""

    terms: FileTerms
    train: Facts
    test: Facts
    entries: Sequence[Entry]
    n_customers: int
    n_strangers: int
    n_held_back: int
    n_unknown_items: int
    n_items: int
    lists: Mapping[str, ReplayedLists]
    user_ids: Sequence[str]
    item_ids: Sequence[str]
    panel: FileUsers


def evaluate_files(
    train: FileRows, test: FileRows, models: Sequence[ModelRequest], terms: FileTerms, directory: Path, steps: StepLog
) -> FileEvaluation:
    """Judges every model, and the baselines beside them; bundles are written to `directory`.

    Raises NotEnoughData when the test file holds nothing to judge by.
    """
    train, test = on_one_clock(train, test)
    recipe = _recipe(train, test, terms)
    with steps("prepare"):
        train, test, original = in_order(train, test)
        snapshot = Snapshot(events_of(train), [], train.facts.used, 0)
        bare = _bundled(snapshot, _bare(recipe), directory / "bare", StepLog())
        asked = _asked(train, test, terms)
        panel = build_users(asked, bare)
    answered = _baselines(bare, panel, train, terms, steps)
    data = _data(snapshot, recipe)
    found = _found(models, recipe, data, terms, steps)
    for model in models:
        one = (
            _auto(snapshot, found.recipe(recipe), panel, terms, directory / AUTO, steps)
            if model.learner is None
            else _model(found.wanted(model), data, bare, panel, terms, steps)
        )
        answered[model.label] = replace(one, settings={**one.settings, **found.settings(model)})
    with steps("judge"):
        entries = score_lists(answered, panel, bare.engine.histories, _court(terms, answered, panel, train, asked))
    return FileEvaluation(
        terms=terms,
        train=train.facts,
        test=asked.facts,
        entries=entries,
        n_customers=len(panel.user_ids),
        n_strangers=int(np.count_nonzero(~panel.is_known)),
        n_held_back=len(panel.held_back.item),
        n_unknown_items=panel.n_unknown_items,
        n_items=bare.engine.n_items,
        lists={name: one.shown for name, one in answered.items()},
        user_ids=panel.user_ids,
        item_ids=[original.get(item_id, item_id) for item_id in bare.catalogue.ids.texts.all()],
        panel=panel,
    )


def _found(
    models: Sequence[ModelRequest], recipe: Recipe, data: Interactions, terms: FileTerms, steps: StepLog
) -> TuningResult:
    if not terms.tune_seconds:
        return TuningResult()
    return findings(models, recipe, data, is_hiding=terms.is_hiding, seconds=terms.tune_seconds, steps=steps)


def _court(
    terms: FileTerms, answered: Mapping[str, FileLists], panel: FileUsers, train: FileRows, asked: FileRows
) -> FileScoring:
    groups = file_segments(panel, is_split_by_time=is_later(train.facts, asked.facts))
    return FileScoring(
        ks=terms.ks,
        seed=terms.seed,
        models=[name for name, one in answered.items() if one.kind != "baseline"],
        groups=[group for group in groups if np.count_nonzero(group[2]) >= MIN_GROUP],
        has_parts=not terms.is_hiding,
    )


def _recipe(train: FileRows, test: FileRows, terms: FileTerms) -> Recipe:
    """The recipe of the house; blends are chosen as the files were parted, which the times alone tell."""
    recipe = recipe_of(None, validation_days=days_to_hold(train, test, VALIDATION_DAYS), seed=terms.seed)
    return replace(recipe, plan=replace(recipe.plan, split=parting_of(train, test)), precomputes=False)


def _bundled(snapshot: Snapshot, recipe: Recipe, directory: Path, steps: StepLog) -> Recommender:
    return build_recommender(build_bundle(snapshot, directory, recipe, steps, version=VERSION), (), None)


def _bare(recipe: Recipe) -> Recipe:
    """Nothing but best-sellers: what strangers get, and a catalogue to count in."""
    learners = {"popularity": recipe.plan.learners["popularity"]}
    return replace(recipe, plan=replace(recipe.plan, learners=learners, optional={}, fixed=frozenset(learners)))


def _data(snapshot: Snapshot, recipe: Recipe) -> Interactions:
    plan = recipe.plan
    return build_dataset(
        snapshot.events, [], now=snapshot.last_at, weight_by_kind=plan.weight_by_kind, never_show=recipe.never_show
    ).data


def _asked(train: FileRows, test: FileRows, terms: FileTerms) -> FileRows:
    """The test rows that a list can be judged by: each customer and item once, without what is hidden anyway."""
    pair = ["user_id", "item_id"]
    asked = test.without(test.frame.unique(pair, maintain_order=True), TWICE)
    if terms.is_hiding:
        asked = asked.without(asked.frame.join(train.frame.select(pair).unique(), on=pair, how="anti"), ALREADY_HAD)
    if asked.frame.is_empty():
        raise NotEnoughData(f"{test.facts.path}: every customer had every item in the training file; try --seen keep")
    return asked


def _baselines(
    bare: Recommender, panel: FileUsers, train: FileRows, terms: FileTerms, steps: StepLog
) -> dict[str, FileLists]:
    histories = [bare.engine.history_of(user_id) for user_id in panel.user_ids]
    rng = np.random.default_rng(terms.seed)
    scorers = scorers_of(bare.engine.histories, rng, is_hiding=terms.is_hiding, has_times=train.has_times)
    answered = {}
    for name, scorer in scorers.items():
        with steps(f"ask {name}"):
            start = time.perf_counter()
            shown = shown_by(scorer, histories, terms.ks[-1], is_hiding=terms.is_hiding)
            answered[name] = FileLists(shown, "baseline", {}, {}, 0.0, time.perf_counter() - start)
    return answered


def _model(
    wanted: ModelRequest, data: Interactions, bare: Recommender, panel: FileUsers, terms: FileTerms, steps: StepLog
) -> FileLists:
    """One model alone behind the door that serves, its scores exact."""
    start = time.perf_counter()
    with steps(f"fit {wanted.label}"):
        model = wanted.learner.fit(data, np.random.default_rng(terms.seed))  # type: ignore[union-attr]
    fitted = time.perf_counter()
    alone = replace(bare, engine=_engine_of(bare, wanted.name, model))
    placement = Placement(sources=(wanted.name,), shows="never-bought" if terms.is_hiding else "all")
    with steps(f"ask {wanted.label}"):
        shown = replay(alone, placement, panel.user_ids, terms.ks[-1])
    settings = {**asdict(wanted.learner), "parted": catalogue_splits({wanted.name: model})}  # type: ignore[call-overload]
    return FileLists(shown, "model", settings, resolved_of(model), fitted - start, time.perf_counter() - fitted)


def _engine_of(bare: Recommender, name: str, model: Model) -> Engine:
    """The engine with that model beside the best-sellers; one of vectors is searched exactly, which is faster."""
    engine = replace(bare.engine, models={**bare.engine.models, name: model})
    if not isinstance(model, VectorModel):
        return engine
    return replace(
        engine,
        indexes={"personal": ExactIndex.from_vectors(model.item_vectors)},
        vector_models=vector_models(engine.models),
    )


def _auto(
    snapshot: Snapshot, recipe: Recipe, panel: FileUsers, terms: FileTerms, directory: Path, steps: StepLog
) -> FileLists:
    """What training would serve in such a place, with nothing chosen by hand."""
    start = time.perf_counter()
    learners = {name: learner for name, learner in recipe.plan.learners.items() if name not in CONTEXT_ONLY}
    recipe = replace(recipe, plan=replace(recipe.plan, learners=learners))
    recommender = _bundled(snapshot, recipe, directory, steps)
    fitted = time.perf_counter()
    with steps(f"ask {AUTO}"):
        shown = replay(recommender, recommender.placements[terms.placement], panel.user_ids, terms.ks[-1])
    manifest = recommender.bundle.manifest
    best = {name: chance.upper for name, chance in recommender.engine.calibrations.items()}
    settings = {"placement": terms.placement, **manifest.blend, "best_chances": best, "models": manifest.models}
    resolved = all_resolved(recommender.engine.models)
    return FileLists(shown, "auto", settings, resolved, fitted - start, time.perf_counter() - fitted)

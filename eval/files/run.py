"""Evaluation of models on two files: learns from one, makes lists as the service would, and judges by the other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.files.contenders import auto_lists, baseline_lists, model_lists, popularity_recommender
from eval.files.file_rows import FileRows
from eval.files.loader import build_events, pad_item_ids
from eval.files.model_args import AUTO, ModelRequest
from eval.files.results import FileEvaluation, FileTerms
from eval.files.samples import sample_file_users
from eval.files.scoring import score_lists
from eval.files.timestamps import detect_split, doubtful_times, read_times, validation_days
from eval.files.tuning import TuningResult, tune_models
from eval.files.users import build_users, file_segments
from recsys.data.dataset.dataset import build_dataset
from recsys.data.dataset.snapshot import Snapshot
from recsys.errors import NotEnoughData
from recsys.learning.recipe import Recipe, read_recipe
from recsys.progress import StepLog

VALIDATION_DAYS = 28.0
ALREADY_HAD = "the customer had it in the training file, so it is hidden"
TWICE = "the same customer and item again"


def evaluate_files(
    train: FileRows, test: FileRows, models: Sequence[ModelRequest], terms: FileTerms, directory: Path, steps: StepLog
) -> FileEvaluation:
    """Evaluates every model beside the baselines; bundles are written to `directory`.

    Raises NotEnoughData when the test file holds nothing to judge by.
    """
    train, test = read_times(train, test, terms.parting)
    recipe = _recipe(train, test, terms)
    with steps("prepare"):
        train, test, original_ids = pad_item_ids(train, test)
        snapshot = Snapshot(build_events(train), [], train.facts.used, 0)
        popularity = popularity_recommender(snapshot, recipe, directory / "bare")
        test = _test_pairs(train, test, terms)
        users = build_users(test, popularity)
    lists = baseline_lists(popularity, users, terms, steps, has_times=train.has_times)
    kinds, hidden = recipe.plan.weight_by_kind, recipe.never_show
    data = build_dataset(snapshot.events, [], now=snapshot.last_at, weight_by_kind=kinds, never_show=hidden).data
    tuning = tune_models(models, recipe, data, terms, steps) if terms.tune_seconds else TuningResult()
    for model in models:
        own = (
            auto_lists(snapshot, tuning.tuned_recipe(recipe), users, terms, directory / AUTO, steps)
            if model.learner is None
            else model_lists(tuning.tuned_request(model), data, popularity, users, terms, steps)
        )
        lists[model.label] = replace(own, settings={**own.settings, **tuning.as_settings(model)})
    with steps("judge"):
        segments, _ = file_segments(users, train.facts, test.facts)
        entries = score_lists(lists, users, popularity.engine.histories, segments, terms)
    item_ids = [original_ids.get(item_id, item_id) for item_id in popularity.catalogue.ids.texts.all()]
    name_by_item = {**test.names, **train.names}
    names = [name_by_item.get(item_id, item_id) for item_id in item_ids]
    return FileEvaluation(
        terms=terms,
        train=train.facts,
        test=test.facts,
        entries=entries,
        n_customers=len(users.user_ids),
        n_strangers=int(np.count_nonzero(~users.is_known)),
        n_held_back=len(users.held_back.item),
        n_unknown_items=users.n_unknown_items,
        n_items=popularity.engine.n_items,
        lists={name: each.replayed for name, each in lists.items()},
        item_ids=item_ids,
        user_ids=users.user_ids,
        users=users,
        samples=sample_file_users(lists, entries, users, popularity, names, terms),
        split=recipe.plan.split,
        doubt=doubtful_times(train),
    )


def _recipe(train: FileRows, test: FileRows, terms: FileTerms) -> Recipe:
    """The default recipe; ensemble weights are chosen with the same kind of split as the files have."""
    recipe = read_recipe(
        None,
        validation_days=validation_days(train, test, VALIDATION_DAYS),
        seed=terms.seed,
        optional_seconds=terms.optional_seconds,
    )
    return replace(recipe, plan=replace(recipe.plan, split=detect_split(train, test, terms.parting)), precomputes=False)


def _test_pairs(train: FileRows, test: FileRows, terms: FileTerms) -> FileRows:
    """The test rows that a list can be judged by: each customer and item once, without items that lists hide."""
    pair = ["user_id", "item_id"]
    rows = test.without(test.frame.unique(pair, maintain_order=True), TWICE)
    if terms.is_hiding:
        own = train.frame.select(pair).join(rows.frame.select("user_id").unique(), on="user_id", how="semi").unique()
        rows = rows.without(rows.frame.join(own, on=pair, how="anti"), ALREADY_HAD)
    if rows.frame.is_empty():
        raise NotEnoughData(f"{test.facts.path}: every customer had every item in the training file; try --seen keep")
    return rows

"""Evaluation of predicted ratings on two files: learns from one, and predicts every rating of the other."""

import time
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from eval.files.file_rows import FileRows
from eval.protocol import BASELINE, GLOBAL_MEAN, ITEM_MEAN, USER_MEAN
from eval.ratings.results import RatingEvaluation
from eval.ratings.scoring import RatingPredictions, score_predictions
from eval.ratings.truth import Truth, build_truth, id_positions
from eval.scoring.scorer import EntryKind
from recsys.arrays import Doubles, Floats, Ints
from recsys.data.dataset.ratings import RatedItems, Ratings, build_ratings
from recsys.data.ids import MISSING, IdMap
from recsys.errors import BadInput
from recsys.models.ratings.base import RatingLearner, RatingModel
from recsys.models.ratings.registry import RATING_LEARNERS
from recsys.progress import StepLog

TWICE = "the same row again"
AGAIN = "the same customer rated the item again later, which counts instead"


def evaluate_ratings(
    train: FileRows, test: FileRows, models: Mapping[str, RatingLearner], seed: int, steps: StepLog
) -> RatingEvaluation:
    """Evaluates every model on every rating of the test file, beside the baselines.

    Raises BadInput where a file has no column of ratings.
    """
    with steps("prepare"):
        train = _last_ratings(_check_ratings(train))
        users, items = (IdMap.from_ids(train.frame[name].to_list()) for name in ("user_id", "item_id"))
        user, item = id_positions(train.frame["user_id"], users), id_positions(train.frame["item_id"], items)
        value = train.frame["value"].to_numpy().astype(np.float32)
        ratings = build_ratings(user, item, value, n_users=len(users), n_items=len(items))
        truth = build_truth(_check_ratings(test), users, items, ratings)
    predictions = predict_means(ratings, truth)
    for name, learner in {BASELINE: RATING_LEARNERS[BASELINE](), **models}.items():
        predictions[name] = _fit_and_predict(name, learner, ratings, truth, seed, steps)
    with steps("judge"):
        entries = score_predictions(predictions, truth, seed)
    return RatingEvaluation(
        seed=seed,
        train=train.facts,
        test=test.facts,
        scale=(float(ratings.value.min()), float(ratings.value.max())),
        entries=entries,
        n_customers=truth.n_customers,
        n_strangers=len(np.unique(truth.user[truth.known_user == MISSING])),
        n_unknown_items=len(np.unique(truth.frame["item_id"].to_numpy()[truth.item == ratings.n_items])),
        truth=truth,
        predictions={name: each.values for name, each in predictions.items()},
        names={**test.names, **train.names},
    )


def predict_ratings(model: RatingModel, ratings: Ratings, truth: Truth) -> Floats:
    """The model's prediction for every rating of the test file, from what the customer rated in the training file."""
    predictions = np.empty(len(truth.value), np.float32)
    order = np.argsort(truth.user, kind="stable")
    nothing_rated = RatedItems(np.empty(0, np.int32), np.empty(0, np.float32))
    for rows in np.split(order, np.flatnonzero(np.diff(truth.user[order])) + 1):
        user = int(truth.known_user[rows[0]])
        rated = nothing_rated if user == MISSING else ratings.by_user(user)
        predictions[rows] = model.predict(rated, truth.item[rows])
    return predictions


def _check_ratings(rows: FileRows) -> FileRows:
    if "rating" not in rows.facts.columns and "weight" not in rows.facts.columns:
        raise BadInput(f"{rows.facts.path}: no column of ratings; name it with --map rating=COLUMN")
    return rows


def _last_ratings(rows: FileRows) -> FileRows:
    """Each customer and item once, with the last rating."""
    rows = rows.without(rows.frame.unique(keep="last", maintain_order=True), TWICE)
    frame = rows.frame.sort("at_ms", maintain_order=True)
    return rows.without(frame.unique(["user_id", "item_id"], keep="last", maintain_order=True), AGAIN)


def _fit_and_predict(
    name: str, learner: RatingLearner, ratings: Ratings, truth: Truth, seed: int, steps: StepLog
) -> RatingPredictions:
    start = time.perf_counter()
    with steps(f"fit {name}"):
        model = learner.fit(ratings, np.random.default_rng(seed))
    fitted = time.perf_counter()
    with steps(f"ask {name}"):
        values = predict_ratings(model, ratings, truth)
    settings = asdict(learner)  # type: ignore[call-overload]
    weights = getattr(model, "weights", None)
    kind: EntryKind = "baseline" if name == BASELINE else "model" if weights is None else "auto"
    settings |= {} if weights is None else {"weights": dict(weights)}
    return RatingPredictions(values, kind, settings, fitted - start, time.perf_counter() - fitted)


def predict_means(ratings: Ratings, truth: Truth) -> dict[str, RatingPredictions]:
    """The predictions of each baseline; an item or customer without ratings gets the mean of all ratings."""
    mean = float(ratings.value.mean())
    known_item = np.where(truth.item == ratings.n_items, MISSING, truth.item)
    predictions = {
        GLOBAL_MEAN: np.full(len(truth.value), mean),
        ITEM_MEAN: _means(ratings.item, ratings.value, ratings.n_items, mean)[known_item],
        USER_MEAN: _means(ratings.user, ratings.value, len(ratings), mean)[truth.known_user],
    }
    return {
        name: RatingPredictions(values.astype(np.float32), "baseline", {}, 0.0, 0.0)
        for name, values in predictions.items()
    }


def _means(member: Ints, value: Floats, n: int, otherwise: float) -> Doubles:
    """The mean of every member and, at the end, where MISSING points to, the mean of all.  (n + 1,)"""
    counts = np.bincount(member, minlength=n + 1)
    total = np.bincount(member, value.astype(np.float64), n + 1)
    means: Doubles = np.divide(total, counts, out=np.full(n + 1, otherwise), where=counts > 0)
    return means

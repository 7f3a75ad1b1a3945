"""Evaluation of predicted ratings on two files: learns from one, and predicts every rating of the other."""

import time
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.random import Generator

from eval.files.file_rows import FileRows
from eval.protocol import BASELINE
from eval.ratings.baselines import predict_means
from eval.ratings.model_args import RatingModelRequest
from eval.ratings.results import RatingEvaluation
from eval.ratings.scoring import RatingPredictions, score_predictions
from eval.ratings.truth import Truth, build_truth, id_positions
from eval.scoring.results import EntryKind
from recsys.arrays import Floats
from recsys.data.dataset.ratings import RatedItems, Ratings, build_ratings
from recsys.data.ids import MISSING, IdMap
from recsys.errors import BadInput
from recsys.models.ratings.base import RatingModel
from recsys.models.ratings.registry import RATING_LEARNERS
from recsys.progress import StepLog

TWICE = "the same row again"
AGAIN = "the same customer rated the item again later, which counts instead"


def evaluate_ratings(
    train: FileRows, test: FileRows, models: Sequence[RatingModelRequest], seed: int, steps: StepLog
) -> RatingEvaluation:
    """Evaluates every model on every rating of the test file, beside the baselines.

    Raises BadInput where a file has no column of ratings.
    """
    with steps("prepare"):
        train = _last_ratings(_check_ratings(train))
        users, items = (IdMap.from_ids(train.frame[name].to_list()) for name in ("user_id", "item_id"))
        ratings = _ratings(train, users, items)
        truth = build_truth(_check_ratings(test), users, items, ratings)
    predictions = predict_means(ratings, truth)
    baseline = RatingModelRequest(BASELINE, RATING_LEARNERS[BASELINE]())
    for model in [baseline, *(model for model in models if model.label != BASELINE)]:
        predictions[model.label] = _fit_and_predict(model, ratings, truth, np.random.default_rng(seed), steps)
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


def _ratings(rows: FileRows, users: IdMap, items: IdMap) -> Ratings:
    user, item = (id_positions(rows.frame[name], ids) for name, ids in (("user_id", users), ("item_id", items)))
    value = rows.frame["value"].to_numpy().astype(np.float32)
    return build_ratings(user, item, value, n_users=len(users), n_items=len(items))


def _fit_and_predict(
    request: RatingModelRequest, ratings: Ratings, truth: Truth, rng: Generator, steps: StepLog
) -> RatingPredictions:
    start = time.perf_counter()
    with steps(f"fit {request.label}"):
        model = request.learner.fit(ratings, rng)
    fitted = time.perf_counter()
    with steps(f"ask {request.label}"):
        values = predict_ratings(model, ratings, truth)
    settings = asdict(request.learner)  # type: ignore[call-overload]
    weights = getattr(model, "weights", None)
    kind: EntryKind = "baseline" if request.label == BASELINE else "model" if weights is None else "auto"
    settings |= {} if weights is None else {"weights": dict(weights)}
    return RatingPredictions(values, kind, settings, fitted - start, time.perf_counter() - fitted)

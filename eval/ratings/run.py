"""Predicted ratings on two given files: learn from one, judge every rating of the other."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.random import Generator

from eval.files.loader import Facts, FileRows
from eval.files.model_args import OF_LISTS, each_once, settings_of
from eval.protocol import BASELINE, GLOBAL_MEAN, ITEM_MEAN, USER_MEAN
from eval.stats.bootstrap import ENDS, MIN_RESAMPLES, resampled_means, two_sided
from eval.stats.intervals import Estimate
from eval.stats.paired import ComparisonVerdict, holm, verdict_of
from recsys.arrays import Doubles, Floats, Ints, Longs
from recsys.config import nearest
from recsys.data.dataset.ratings import RatedItems, Ratings, build_ratings
from recsys.data.ids import MISSING, IdMap
from recsys.errors import BadInput, NotEnoughData, UnknownModel
from recsys.models.ratings.base import RatingLearner, RatingModel
from recsys.models.ratings.registry import RATING_LEARNERS, rating_learner
from recsys.progress import StepLog

TWICE = "the same row again"
AGAIN = "the same customer rated the item again later, which counts instead"

RatingEntryKind = Literal["baseline", "model", "auto"]


@dataclass(frozen=True, slots=True)
class Closer:
    """By how much smaller a model's RMSE is than another's: for the same customers, above 0 it is closer.

    low, high: 95 % interval; p: how likely luck alone makes such a difference; p_holm: among all compared with one.
    """

    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    n_customers: int

    @property
    def verdict(self) -> ComparisonVerdict:
        """Better or worse only where the interval leaves 0 out, and luck is unlikely among all compared."""
        return verdict_of((self.low, self.high), self.p_holm, self.n_customers)


@dataclass(frozen=True, slots=True)
class RatingEntry:
    """One model judged.  settings as used; seconds for learning and for all answers."""

    name: str
    kind: RatingEntryKind
    settings: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float
    rmse: Estimate
    mae: Estimate
    against: Mapping[str, Closer]


@dataclass(frozen=True, slots=True)
class Truth:
    """N ratings of the test file.  user (N,): a number among those asked.

    known_user: position in training, MISSING for a stranger; item: the same, beyond all for an unknown one.
    n_of_user, n_of_item (N,): how many ratings the training file has of each.
    """

    frame: pl.DataFrame
    user: Longs
    known_user: Ints
    item: Ints
    value: Doubles
    n_of_user: Longs
    n_of_item: Longs


@dataclass(frozen=True, slots=True)
class RatingEvaluation:
    """Everything that was found.  predictions (N,) by name, in the order of the test file."""

    seed: int
    train: Facts
    test: Facts
    scale: tuple[float, float]
    entries: Sequence[RatingEntry]
    n_customers: int
    n_strangers: int
    n_unknown_items: int
    truth: Truth
    predictions: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class WantedRating:
    """One model to judge, called `label` in every table."""

    label: str
    learner: RatingLearner


@dataclass(frozen=True, slots=True)
class _Estimates:
    """What one model said of every rating, and what it took."""

    predictions: Floats
    kind: RatingEntryKind
    settings: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float


def wanted_ratings(words: Sequence[str]) -> list[WantedRating]:
    """`item_knn:k=40` and the like.  Raises UnknownModel, BadSettings or BadInput, with what is near."""
    return [_wanted(word) for word in each_once(words)]


def _wanted(word: str) -> WantedRating:
    name = word.partition(":")[0]
    if name not in RATING_LEARNERS:
        known = {of_lists: name for name, of_lists in OF_LISTS.items()}
        hint = nearest(known.get(name, name), RATING_LEARNERS)
        raise UnknownModel(f"--model {word}: {name!r} predicts no ratings; {hint}")
    return WantedRating(word, rating_learner(name, settings_of(word)))


def evaluate_ratings(
    train: FileRows, test: FileRows, models: Sequence[WantedRating], seed: int, steps: StepLog
) -> RatingEvaluation:
    """Judges every model on every rating of the test file, and beside them what anybody could say without one.

    Raises BadInput where a file has no column of ratings.
    """
    with steps("prepare"):
        train = _last_ones(_rated(train))
        users, items = (
            IdMap.from_ids(train.frame["user_id"].to_list()),
            IdMap.from_ids(train.frame["item_id"].to_list()),
        )
        ratings = _ratings(train, users, items)
        truth = _truth(_rated(test), users, items, ratings)
    said = _plain(ratings, truth)
    wanted = [WantedRating(BASELINE, RATING_LEARNERS[BASELINE]())]
    for model in [*wanted, *(model for model in models if model.label != BASELINE)]:
        said[model.label] = _model(model, ratings, truth, np.random.default_rng(seed), steps)
    with steps("judge"):
        entries = _entries(said, truth, np.random.default_rng(seed))
    strangers = np.unique(truth.user[truth.known_user == MISSING])
    return RatingEvaluation(
        seed=seed,
        train=train.facts,
        test=test.facts,
        scale=(float(ratings.value.min()), float(ratings.value.max())),
        entries=entries,
        n_customers=int(truth.user.max()) + 1,
        n_strangers=len(strangers),
        n_unknown_items=len(np.unique(truth.frame["item_id"].to_numpy()[truth.item == ratings.n_items])),
        truth=truth,
        predictions={name: one.predictions for name, one in said.items()},
    )


def _rated(rows: FileRows) -> FileRows:
    if "rating" not in rows.facts.columns and "weight" not in rows.facts.columns:
        raise BadInput(f"{rows.facts.path}: no column of ratings; name it with --map rating=COLUMN")
    return rows


def _last_ones(rows: FileRows) -> FileRows:
    rows = rows.without(rows.frame.unique(keep="last", maintain_order=True), TWICE)
    frame = rows.frame.sort("at_ms", maintain_order=True)
    return rows.without(frame.unique(["user_id", "item_id"], keep="last", maintain_order=True), AGAIN)


def _ratings(rows: FileRows, users: IdMap, items: IdMap) -> Ratings:
    user, item = (_positions(rows.frame[name], ids) for name, ids in (("user_id", users), ("item_id", items)))
    value = rows.frame["value"].to_numpy().astype(np.float32)
    return build_ratings(user, item, value, n_users=len(users), n_items=len(items))


def _positions(column: pl.Series, ids: IdMap) -> Ints:
    """Position of every id, MISSING for one that is not there.  (N,)."""
    known = column.unique()
    at = ids.positions(known.to_list())
    return column.replace_strict(known, at, return_dtype=pl.Int32).to_numpy()


def _truth(rows: FileRows, users: IdMap, items: IdMap, ratings: Ratings) -> Truth:
    if rows.frame.is_empty():
        raise NotEnoughData(f"{rows.facts.path}: no rating to judge by")
    item, known_user = _positions(rows.frame["item_id"], items), _positions(rows.frame["user_id"], users)
    # One more at the end, where MISSING points to: nothing is known of strangers.
    of_user, of_item = (
        np.bincount(at, minlength=n + 1) for at, n in ((ratings.user, len(users)), (ratings.item, len(items)))
    )
    return Truth(
        frame=rows.frame,
        user=rows.frame["user_id"].rank("dense").to_numpy().astype(np.int64) - 1,
        known_user=known_user,
        item=np.where(item == MISSING, len(items), item).astype(np.int32),
        value=rows.frame["value"].to_numpy().astype(np.float64),
        n_of_user=of_user[known_user].astype(np.int64),
        n_of_item=of_item[item].astype(np.int64),
    )


def _plain(ratings: Ratings, truth: Truth) -> dict[str, _Estimates]:
    """The means anybody could say; where there is none, that of all ratings."""
    mean = float(ratings.value.mean())
    known_item = np.where(truth.item == ratings.n_items, MISSING, truth.item)
    found = {
        GLOBAL_MEAN: np.full(len(truth.value), mean),
        ITEM_MEAN: _means(ratings.item, ratings.value, ratings.n_items, mean)[known_item],
        USER_MEAN: _means(ratings.user, ratings.value, len(ratings), mean)[truth.known_user],
    }
    return {name: _Estimates(said.astype(np.float32), "baseline", {}, 0.0, 0.0) for name, said in found.items()}


def _means(member: Ints, value: Floats, n: int, otherwise: float) -> Doubles:
    """The mean of every member and, at the end, where MISSING points to, the one of all.  (n + 1,)."""
    counts = np.bincount(member, minlength=n + 1)
    total = np.bincount(member, value.astype(np.float64), n + 1)
    means: Doubles = np.divide(total, counts, out=np.full(n + 1, otherwise), where=counts > 0)
    return means


def _model(wanted: WantedRating, ratings: Ratings, truth: Truth, rng: Generator, steps: StepLog) -> _Estimates:
    start = time.perf_counter()
    with steps(f"fit {wanted.label}"):
        model = wanted.learner.fit(ratings, rng)
    fitted = time.perf_counter()
    with steps(f"ask {wanted.label}"):
        predictions = predicted(model, ratings, truth)
    settings = asdict(wanted.learner)  # type: ignore[call-overload]
    weights = getattr(model, "weights", None)
    kind: RatingEntryKind = "baseline" if wanted.label == BASELINE else "model" if weights is None else "auto"
    told = settings if weights is None else {**settings, "weights": dict(weights)}
    return _Estimates(predictions, kind, told, fitted - start, time.perf_counter() - fitted)


def predicted(model: RatingModel, ratings: Ratings, truth: Truth) -> Floats:
    """What the model says of every rating of the test file, each customer by what they rated in the training file."""
    found = np.empty(len(truth.value), np.float32)
    order = np.argsort(truth.user, kind="stable")
    nobody = RatedItems(np.empty(0, np.int32), np.empty(0, np.float32))
    for rows in np.split(order, np.flatnonzero(np.diff(truth.user[order])) + 1):
        user = int(truth.known_user[rows[0]])
        found[rows] = model.predict(nobody if user == MISSING else ratings.by_user(user), truth.item[rows])
    return found


def _entries(said: Mapping[str, _Estimates], truth: Truth, rng: Generator) -> list[RatingEntry]:
    names = list(said)
    errors = np.column_stack([said[name].predictions - truth.value for name in names])
    squares, sizes = _summed(errors**2, truth), _summed(np.abs(errors), truth)
    counts = np.bincount(truth.user).astype(np.float64)[:, None]
    both = np.hstack((squares, sizes))
    drawn = resampled_means(both, np.broadcast_to(counts, both.shape), rng, MIN_RESAMPLES)
    rmse, mae = np.sqrt(drawn[:, : len(names)]), drawn[:, len(names) :]
    found = (np.sqrt(np.mean(errors**2, axis=0)), np.mean(np.abs(errors), axis=0))
    closer = {base: _closer(names, base, found[0], rmse, len(counts)) for base in _compared(said)}
    return [
        RatingEntry(
            name=name,
            kind=said[name].kind,
            settings=said[name].settings,
            fit_seconds=round(said[name].fit_seconds, 4),
            answer_seconds=round(said[name].answer_seconds, 4),
            rmse=_estimate(found[0][at], rmse[:, at]),
            mae=_estimate(found[1][at], mae[:, at]),
            against={base: by_name[name] for base, by_name in closer.items() if name in by_name},
        )
        for at, name in enumerate(names)
    ]


def _compared(said: Mapping[str, _Estimates]) -> list[str]:
    """What all others are compared with: the baseline, and `auto` where it was asked for."""
    return [BASELINE, *(name for name, one in said.items() if one.kind == "auto")]


def _summed(errors: Doubles, truth: Truth) -> Doubles:
    """By customer: (N, M) -> (Q, M)."""
    return np.column_stack([np.bincount(truth.user, column) for column in errors.T])


def _estimate(found: float, drawn: Doubles) -> Estimate:
    low, high = np.quantile(drawn, ENDS)
    return Estimate(float(found), float(low), float(high))


def _closer(names: Sequence[str], base: str, found: Doubles, rmse: Doubles, n_customers: int) -> dict[str, Closer]:
    champion, others = names.index(base), [at for at, name in enumerate(names) if name != base]
    gains = {at: rmse[:, champion] - rmse[:, at] for at in others}
    chances = [two_sided(gains[at]) for at in others]
    ends = {at: np.quantile(gains[at], ENDS) for at in others}
    return {
        names[at]: Closer(
            difference=float(found[champion] - found[at]),
            low=float(ends[at][0]),
            high=float(ends[at][1]),
            p=p,
            p_holm=p_holm,
            n_customers=n_customers,
        )
        for at, p, p_holm in zip(others, chances, holm(chances), strict=True)
    }

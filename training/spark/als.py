"""ALS of `pyspark.ml`, stored as the model that answers: its fold-in solves the equations that Spark solved."""

import logging
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Floats
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.errors import BadBundle
from recsys.models.als import Als, AlsModel
from recsys.models.event_weights import half_life_or, saturated_matrix
from recsys.models.serialization import require_events
from training.spark.slices import Columns, Slices
from training.spark.statistics import tempo

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.ml.recommendation import ALSModel
    from pyspark.sql import DataFrame

log = logging.getLogger(__name__)

CHECKED_USERS = 1_000
LEAST_COSINE = 0.999  # between the vectors of Spark and those of the fold-in
PASSES_OF_NATIVE = 3  # that one of Spark is worth: it solves each row exactly, natively 3 steps of conjugate gradients
BLOCK_RATINGS = 2_000_000  # of one of the blocks that Spark cuts the matrix into, along each side


def fit_als(learner: Als, data: Interactions, slices: Slices, rng: Generator) -> AlsModel:
    """Raises NotEnoughData without any event, BadBundle where the fold-in does not give the vectors that Spark has."""
    from pyspark.ml.recommendation import ALS

    require_events(data)
    half_life_days = half_life_or(learner.half_life_days, tempo(slices) if learner.half_life_days == "auto" else 0.0)
    work = partial(_ratings, half_life_days, learner.saturation)
    ratings = slices.rows(work, "user int, item int, rating float").persist()
    try:
        n_pairs, n_users, n_items, typical = _sizes(ratings)
        alpha, regularization, factors = learner.settings_for(n_users, n_items, n_pairs)
        pull_per_item = regularization / typical
        blocks = max(1 + n_pairs // BLOCK_RATINGS, slices.session.sparkContext.defaultParallelism)
        fitted = ALS(
            rank=factors,
            maxIter=-(-learner.iterations // PASSES_OF_NATIVE),
            regParam=pull_per_item,
            alpha=alpha,
            implicitPrefs=True,
            numUserBlocks=blocks,
            numItemBlocks=blocks,
            userCol="user",
            itemCol="item",
            ratingCol="rating",
            seed=int(rng.integers(2**31)),
        ).fit(ratings)
    finally:
        ratings.unpersist()
    vectors = _vectors(fitted, data.n_items)
    model = AlsModel(
        item_vectors=vectors,
        item_length=np.linalg.norm(vectors, axis=1),
        gram=vectors.T @ vectors,
        alpha=alpha,
        pull=0.0,
        n_bought=n_items,
        half_life_days=half_life_days,
        saturation=learner.saturation,
        base=1.0,
        pull_per_item=pull_per_item,
    )
    _check_fold_in(model, *user_vectors(fitted, data, rng))
    return model


def user_vectors(fitted: "ALSModel", data: Interactions, rng: Generator) -> tuple[Histories, Floats]:
    """Up to CHECKED_USERS users with the vectors that Spark has for them: their histories, (Q, F)."""
    from pyspark.sql import functions as sql

    drawn = rng.permutation(data.n_users)[:CHECKED_USERS].tolist()
    table = fitted.userFactors.where(sql.col("id").isin(drawn)).toArrow()
    return data.histories.take(table["id"].to_numpy()), _stacked(table["features"])


def fold_in_cosines(model: AlsModel, histories: Histories, vectors: Floats) -> Doubles:
    """Cosine between the vector of each user and that of our fold-in.  vectors (Q, F) -> (Q,)"""
    own = model.embed(histories)
    lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(vectors, axis=1)
    cosine: Doubles = np.einsum("qf,qf->q", own, vectors) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return cosine


def _check_fold_in(model: AlsModel, histories: Histories, vectors: Floats) -> None:
    cosine = fold_in_cosines(model, histories, vectors)
    log.info("fold_in_checked", extra={"users": len(cosine), "least_cosine": float(cosine.min(initial=1.0))})
    if cosine.min(initial=1.0) < LEAST_COSINE:
        raise BadBundle(
            f"the fold-in gives a customer another vector than Spark did (cosine {cosine.min():.4f}): this version of "
            "Spark solves other equations; train with the native engine, and report it"
        )


def _ratings(half_life_days: float, saturation: float, histories: Histories) -> Columns:
    """Weights above 0, as the native engine has them."""
    matrix = saturated_matrix(histories.pairs(half_life_days), saturation).tocoo()
    return {"user": matrix.row, "item": matrix.col.astype(np.int32), "rating": matrix.data.astype(np.float32)}


def _sizes(ratings: "DataFrame") -> tuple[int, int, int, float]:
    """Number of pairs, users and items, and of pairs in the rows of the average pair.

    That is the geometric mean over both sides: Spark has one regularization for both, times the pairs of the row
    (Zhou et al. 2008, ALS-WR).
    """
    from pyspark.sql import functions as sql

    numbers = sql.count("*"), sql.sum("count"), sql.sum(sql.col("count") * sql.log("count"))
    sides = [ratings.groupBy(side).count().agg(*numbers).first() for side in ("user", "item")]
    (n_users, n_pairs, of_users), (n_items, _, of_items) = (tuple(side or ()) for side in sides)
    return int(n_pairs), int(n_users), int(n_items), float(np.exp((of_users + of_items) / (2 * max(1, n_pairs))))


def _vectors(fitted: "ALSModel", n_items: int) -> Floats:
    """Item vectors, zeros for items without ratings: (I, F)."""
    table = fitted.itemFactors.toArrow()
    vectors = np.zeros((n_items, fitted.rank), np.float32)
    vectors[table["id"].to_numpy()] = _stacked(table["features"])
    return vectors


def _stacked(column: "pa.ChunkedArray") -> Floats:
    """A column of lists of equal length as a matrix."""
    n = len(column)
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    flat = np.concatenate([np.empty(0, np.float32), *values])
    return flat.reshape(n, -1).astype(np.float32)

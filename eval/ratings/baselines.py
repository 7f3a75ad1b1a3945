"""Baselines of predicted ratings: means of all ratings, of the item and of the customer, without any model."""

import numpy as np

from eval.protocol import GLOBAL_MEAN, ITEM_MEAN, USER_MEAN
from eval.ratings.scoring import RatingPredictions
from eval.ratings.truth import Truth
from recsys.arrays import Doubles, Floats, Ints
from recsys.data.dataset.ratings import Ratings
from recsys.data.ids import MISSING


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

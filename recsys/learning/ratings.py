"""Rating model of a bundle: learned from the ratings in the shop's log, to predict further ones."""

import numpy as np
import polars as pl

from recsys.arrays import AnyArray
from recsys.data.dataset.dataset import Dataset, id_positions
from recsys.data.dataset.ratings import Ratings, build_ratings
from recsys.data.events import Kind
from recsys.data.ids import MISSING
from recsys.learning.backends.base import StepTimer
from recsys.models.ratings.ensemble import RatingEnsemble
from recsys.ranking.rating_prediction import FOLDER
from recsys.time_units import DAY_MS


def rating_arrays(events: pl.DataFrame, dataset: Dataset, seed: int, step: StepTimer) -> dict[str, AnyArray]:
    """The arrays a bundle needs to predict ratings; none where no rating was given up to the dataset's now."""
    ratings = dataset_ratings(events, dataset)
    if not len(ratings.item):
        return {}
    with step("ratings"):
        model = RatingEnsemble().fit(ratings, np.random.default_rng(seed))
    named: dict[str, AnyArray] = {f"model/{name}": array for name, array in model.arrays().items()}
    named |= {"own/offsets": ratings.offsets, "own/item": ratings.item, "own/value": ratings.value}
    return {f"{FOLDER}/{name}": array for name, array in named.items()}


def dataset_ratings(events: pl.DataFrame, dataset: Dataset) -> Ratings:
    """The ratings by users and of items that the dataset knows; the last one of each pair counts."""
    given = events.filter(
        (pl.col("kind") == int(Kind.RATING))
        & pl.col("rating").is_not_null()
        & (pl.col("at_ms") <= dataset.data.histories.now * DAY_MS)
    ).sort("at_ms", maintain_order=True)
    user, item = id_positions(given["user_id"], dataset.users), id_positions(given["item_id"], dataset.catalogue.ids)
    known = (user != MISSING) & (item != MISSING)
    value = given["rating"].to_numpy().astype(np.float32)
    n_users, n_items = len(dataset.users), len(dataset.catalogue.ids)
    return build_ratings(user[known], item[known], value[known], n_users=n_users, n_items=n_items)

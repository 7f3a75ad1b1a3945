"""The baseline finds the biases that ratings were made from."""

import numpy as np
import pytest

from recsys.data.dataset.ratings import build_ratings
from recsys.models.ratings.base import RatingBaseline


def test_the_baseline_finds_the_levels_the_ratings_were_made_from() -> None:
    rng = np.random.default_rng(1)
    users, items = rng.normal(0, 0.5, 400), rng.normal(0, 0.8, 60)
    user, item = (axis.ravel().astype(np.int32) for axis in np.indices((400, 60)))
    value = (3 + users[user] + items[item] + rng.normal(0, 1, len(user))).astype(np.float32)
    ratings = build_ratings(user, item, value, n_users=400, n_items=60)
    model = RatingBaseline().fit(ratings, rng)
    np.testing.assert_allclose(model.item_bias, items - items.mean(), atol=0.2)
    assert model.user_shrinkage == pytest.approx(1 / users.var(), rel=0.1)

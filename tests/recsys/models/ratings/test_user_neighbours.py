"""Rating prediction by user neighbours equals its formula, computed in loops."""

import numpy as np
import pytest

from recsys.models.ratings.user_neighbours import UserRatings
from tests.recsys.models.ratings.small_ratings import DOUBT, SHRINKAGE, likeness, random_ratings, residuals, vote


@pytest.mark.parametrize("seed", range(4))
def test_user_neighbours_equal_the_slow_formula(seed: int) -> None:
    ratings, k, power = random_ratings(seed), 3, 1.5
    left = residuals(ratings)
    model = UserRatings(k=k, shrinkage=SHRINKAGE, power=power, doubt=DOUBT).fit(ratings, np.random.default_rng(0))
    users, items = range(len(ratings)), range(ratings.n_items)
    for user in users:
        like = {}
        for other in users:
            pairs = [(left[user, i], left[other, i]) for i in items if {(user, i), (other, i)} <= left.keys()]
            like[other] = likeness(pairs)
        unrated = [item for item in items if (user, item) not in left]
        wanted = [vote([(like[u], u, left[u, item]) for u in users if (u, item) in left], k, power) for item in unrated]
        unseen = np.array(unrated, np.int32)
        estimated = model.estimate(ratings.by_user(user), unseen) - model.baseline.estimate(
            ratings.by_user(user), unseen
        )
        np.testing.assert_allclose(estimated, wanted, atol=1e-4)


def test_only_some_raters_of_a_popular_item_count() -> None:
    ratings = random_ratings(n_users=80)
    model = UserRatings(raters_per_item=10).fit(ratings, np.random.default_rng(0))
    assert np.diff(model.offsets).max() == 10
    assert np.isfinite(model.estimate(ratings.by_user(0), np.arange(11, dtype=np.int32))).all()

"""Rating prediction by item neighbours equals its formula, computed in loops."""

import math

import numpy as np
import pytest

from recsys.arrays import Ints, Longs
from recsys.data.dataset.ratings import build_ratings
from recsys.models.ratings.item_neighbours import ItemRatings, estimate_shrinkage
from tests.recsys.models.ratings.small_ratings import DOUBT, SHRINKAGE, likeness, random_ratings, residuals, vote


@pytest.mark.parametrize("seed", range(4))
def test_item_neighbours_equal_the_slow_formula(seed: int) -> None:
    ratings, k, power = random_ratings(seed), 3, 2.0
    left = residuals(ratings)
    model = ItemRatings(k=k, shrinkage=SHRINKAGE, power=power, doubt=DOUBT).fit(ratings, np.random.default_rng(0))
    users, items = range(len(ratings)), range(ratings.n_items)
    for user in users:
        rated = ratings.by_user(user)
        wanted = []
        for item in items:
            votes = []
            for other in set(rated.item.tolist()) - {item}:
                pairs = [(left[u, item], left[u, other]) for u in users if {(u, item), (u, other)} <= left.keys()]
                votes.append((likeness(pairs), other, left[user, other]))
            wanted.append(vote(votes, k, power))
        unseen = np.array(items, np.int32)
        estimated = model.estimate(rated, unseen) - model.baseline.estimate(rated, unseen)
        np.testing.assert_allclose(estimated, wanted, atol=1e-4)


def test_the_shrinkage_is_that_of_the_truth_the_ratings_were_made_from() -> None:
    rng = np.random.default_rng(3)
    n_users, n_items, variance = 3_000, 60, 0.04
    factor = rng.normal(size=(n_items, 4)) * math.sqrt(math.sqrt(variance / 4))
    covariance = factor @ factor.T
    np.fill_diagonal(covariance, 1 + np.diag(covariance))
    values = rng.multivariate_normal(np.zeros(n_items), covariance, n_users)
    user, item = np.nonzero(rng.random((n_users, n_items)) < 0.3)
    ratings = build_ratings(
        user.astype(np.int32), item.astype(np.int32), values[user, item].astype(np.float32), n_users=n_users, n_items=60
    )
    length = np.sqrt(np.diag(covariance))
    alike = (covariance / np.outer(length, length))[~np.eye(n_items, dtype=bool)]
    assert estimate_shrinkage(ratings.matrix(ratings.value), rng) == pytest.approx(1 / np.mean(alike**2), rel=0.15)


def test_a_customer_with_very_many_ratings_does_not_slow_learning_down() -> None:
    ratings = random_ratings(n_users=60)
    few = ItemRatings(most_ratings=3, shrinkage=1.0).fit(ratings, np.random.default_rng(0))
    all_of_them = ItemRatings(shrinkage=1.0).fit(ratings, np.random.default_rng(0))
    assert 0 < len(few.neighbour) < len(all_of_them.neighbour)


def test_the_best_neighbours_are_kept_up_to_the_limit() -> None:
    model = ItemRatings(top_n=2, shrinkage=1.0).fit(random_ratings(n_users=60), np.random.default_rng(0))
    assert np.diff(model.offsets).max() == 2
    for item in range(11):
        mine = model.likeness[model.offsets[item] : model.offsets[item + 1]]
        assert (np.diff(mine) <= 0).all()
        assert item not in _neighbours(model.neighbour, model.offsets, item)


def _neighbours(neighbour: Ints, offsets: Longs, item: int) -> list[int]:
    return list(neighbour[offsets[item] : offsets[item + 1]])

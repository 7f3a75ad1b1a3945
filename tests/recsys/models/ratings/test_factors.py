"""A customer's factors solve the system of the posterior."""

import numpy as np

from recsys.models.ratings.factors import FactorRatings
from tests.recsys.models.ratings.small_ratings import random_ratings


def test_folding_a_customer_in_solves_the_system_of_the_posterior() -> None:
    ratings = random_ratings(n_users=40, n_items=20)
    model = FactorRatings(factors=3).fit(ratings, np.random.default_rng(0))
    rated, width = ratings.by_user(5), 5
    rows, columns = np.triu_indices(width)
    gram, pull = np.zeros((width, width)), np.zeros(width)
    for item, value in zip(rated.item, rated.value, strict=True):
        moment = np.zeros((width, width))
        moment[rows, columns] = moment[columns, rows] = model.moments[item]
        gram += moment
        pull += (value - model.baseline.mean) / model.baseline.spread * model.item_vectors[item]
    free = [0, 2, 3, 4]  # place 1 carries the item's bias and is 1
    solved = np.linalg.solve(
        gram[np.ix_(free, free)] / model.noise + np.diag(1 / model.prior[free]),
        (pull[free] - gram[free, 1]) / model.noise,
    )
    customer = np.insert(solved, 1, 1.0)
    wanted = model.baseline.mean + model.baseline.spread * (model.item_vectors @ customer)
    np.testing.assert_allclose(model.estimate(rated, np.arange(20, dtype=np.int32)), wanted, rtol=1e-4)

"""The formulas behind predicted ratings, against slow obvious twins."""

import math
from dataclasses import replace

import numpy as np
import pytest

from recsys.arrays import Ints, Longs
from recsys.data.dataset.ratings import Ratings, build_ratings, hold_out_mask
from recsys.errors import BadSettings, UnknownModel
from recsys.models.ratings.base import RatingBaseline
from recsys.models.ratings.ensemble import RatingEnsemble, RatingEnsembleModel, fit_weights
from recsys.models.ratings.factors import FactorRatings
from recsys.models.ratings.item_neighbours import ItemRatings, estimate_shrinkage
from recsys.models.ratings.registry import rating_learner
from recsys.models.ratings.user_neighbours import UserRatings

SHRINKAGE, DOUBT = 3.0, 0.05


def some(seed: int = 0, n_users: int = 14, n_items: int = 11) -> Ratings:
    """Half of all cells, by chance, with tastes in common and some noise."""
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((n_users, n_items)) < 0.55)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    value = np.clip(np.round(3 + taste[user, item] + 0.3 * rng.normal(size=len(user))), 1, 5)
    return build_ratings(
        user.astype(np.int32), item.astype(np.int32), value.astype(np.float32), n_users=n_users, n_items=n_items
    )


def residuals(ratings: Ratings) -> dict[tuple[int, int], float]:
    """By customer and item, what the baseline says too little."""
    model = RatingBaseline().fit(ratings, np.random.default_rng(0))
    found: dict[tuple[int, int], float] = {}
    for user in range(len(ratings)):
        mine = dict(zip(ratings.by_user(user).item.tolist(), ratings.by_user(user).value.tolist(), strict=True))
        above = {item: value - model.mean - float(model.item_bias[item]) for item, value in mine.items()}
        bias = sum(above.values()) / (len(above) + model.user_shrinkage)
        found |= {(user, item): left - bias for item, left in above.items()}
    return found


def likeness(pairs: list[tuple[float, float]]) -> float:
    both = sum(x * y for x, y in pairs)
    length = math.sqrt(sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs))
    n = len(pairs) - 1
    return max(both / length * n / (n + SHRINKAGE), 0.0) if n > 0 and length > 0 else 0.0


def vote(votes: list[tuple[float, int, float]], k: int, power: float) -> float:
    """votes: likeness, who, what."""
    nearest = sorted((one for one in votes if one[0] > 0), key=lambda one: (-one[0], one[1]))[:k]
    total = sum(like**power for like, _, _ in nearest)
    return sum(like**power * says for like, _, says in nearest) / (total + DOUBT) if nearest else 0.0


@pytest.mark.parametrize("seed", range(4))
def test_item_neighbours_equal_the_slow_formula(seed: int) -> None:
    ratings, k, power = some(seed), 3, 2.0
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
        asked = np.array(items, np.int32)
        found = model.estimate(rated, asked) - model.baseline.estimate(rated, asked)
        np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_user_neighbours_equal_the_slow_formula(seed: int) -> None:
    ratings, k, power = some(seed), 3, 1.5
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
        asked = np.array(unrated, np.int32)
        found = model.estimate(ratings.by_user(user), asked) - model.baseline.estimate(ratings.by_user(user), asked)
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_folding_a_customer_in_solves_the_system_of_the_posterior() -> None:
    ratings = some(n_users=40, n_items=20)
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


def test_the_shrinkage_found_is_that_of_the_truth_the_ratings_were_made_from() -> None:
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


def test_the_baseline_finds_the_levels_the_ratings_were_made_from() -> None:
    rng = np.random.default_rng(1)
    users, items = rng.normal(0, 0.5, 400), rng.normal(0, 0.8, 60)
    user, item = (found.ravel().astype(np.int32) for found in np.indices((400, 60)))
    value = (3 + users[user] + items[item] + rng.normal(0, 1, len(user))).astype(np.float32)
    ratings = build_ratings(user, item, value, n_users=400, n_items=60)
    model = RatingBaseline().fit(ratings, rng)
    np.testing.assert_allclose(model.item_bias, items - items.mean(), atol=0.2)
    assert model.user_shrinkage == pytest.approx(1 / users.var(), rel=0.1)


def test_a_part_that_knows_the_truth_gets_the_whole_weight_and_noise_goes() -> None:
    rng = np.random.default_rng(0)
    truth, noise = rng.normal(size=(2, 5_000))
    weights = fit_weights(np.column_stack((truth, noise)), truth)
    assert weights == pytest.approx([1.0, 0.0], abs=0.02)


def test_a_blend_is_not_worse_than_its_best_part() -> None:
    ratings = some(n_users=300, n_items=60)
    asked = hold_out_mask(ratings, np.random.default_rng(9), share=0.2, most_customers=300)
    shown, held = ratings.only(~asked), ratings.only(asked)
    model = RatingEnsemble().fit(shown, np.random.default_rng(0))

    def error(one: RatingEnsembleModel) -> float:
        told = np.concatenate([one.predict(shown.by_user(user), held.by_user(user).item) for user in range(300)])
        return float(np.sqrt(np.mean((told - held.value) ** 2)))

    alone = [error(replace(model, parts={name: part}, weights={name: 1.0})) for name, part in model.parts.items()]
    assert error(model) <= min(alone) * 1.01


def test_few_raters_of_an_item_are_asked_where_it_has_many() -> None:
    ratings = some(n_users=80)
    model = UserRatings(raters_per_item=10).fit(ratings, np.random.default_rng(0))
    assert np.diff(model.offsets).max() == 10
    assert np.isfinite(model.estimate(ratings.by_user(0), np.arange(11, dtype=np.int32))).all()


def test_a_customer_with_very_many_ratings_does_not_slow_learning_down() -> None:
    ratings = some(n_users=60)
    few = ItemRatings(most_ratings=3, shrinkage=1.0).fit(ratings, np.random.default_rng(0))
    all_of_them = ItemRatings(shrinkage=1.0).fit(ratings, np.random.default_rng(0))
    assert 0 < len(few.neighbour) < len(all_of_them.neighbour)


def test_neighbours_are_kept_up_to_the_number_asked_for_best_first() -> None:
    model = ItemRatings(top_n=2, shrinkage=1.0).fit(some(n_users=60), np.random.default_rng(0))
    assert np.diff(model.offsets).max() == 2
    for item in range(11):
        mine = model.likeness[model.offsets[item] : model.offsets[item + 1]]
        assert (np.diff(mine) <= 0).all()
        assert item not in _neighbours(model.neighbour, model.offsets, item)


def _neighbours(neighbour: Ints, offsets: Longs, item: int) -> list[int]:
    return list(neighbour[offsets[item] : offsets[item + 1]])


def test_a_wrong_name_or_setting_says_what_is_near() -> None:
    with pytest.raises(UnknownModel, match="item_knn"):
        rating_learner("item_kn", {})
    with pytest.raises(BadSettings, match="shrinkage"):
        rating_learner("item_knn", {"shrinkag": "3"})
    with pytest.raises(BadSettings, match="greater than or equal to 1"):
        rating_learner("user_knn", {"k": "0"})
    assert rating_learner("item_knn", {"k": "7"}) == ItemRatings(k=7)

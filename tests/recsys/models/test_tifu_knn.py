"""TIFU-KNN: the next basket from own baskets and those of similar users."""

import numpy as np
import pytest

from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.tifu_knn import TifuKnn, basket_vectors
from recsys.testing import NOW, interactions_of

RNG = np.random.default_rng(0)
Baskets = list[list[int]]


def shop(*customers: Baskets, n_items: int = 8) -> Interactions:
    """Customers, each a list of baskets; a basket a day, the last one today."""
    events = [
        (user, item, NOW - (len(baskets) - 1 - at))
        for user, baskets in enumerate(customers)
        for at, basket in enumerate(baskets)
        for item in basket
    ]
    user, item, when = (np.array(column) for column in zip(*events, strict=True))
    return interactions_of(
        user.astype(np.int32), item.astype(np.int32), n_users=len(customers), n_items=n_items, at=when
    )


def random_baskets(rng: np.random.Generator, n_items: int = 8) -> Baskets:
    return [rng.choice(n_items, rng.integers(1, 4), replace=False).tolist() for _ in range(rng.integers(1, 12))]


def slow_vector(baskets: Baskets, learner: TifuKnn, n_items: int = 8) -> np.ndarray:
    """Hu et al. 2020, computed slowly: groups from the end, a mean inside each, a mean of these."""
    size = -(-len(baskets) // learner.groups)
    newest_first = baskets[::-1]
    groups = [newest_first[start : start + size] for start in range(0, len(baskets), size)]
    vector = np.zeros(n_items)
    for age, group in enumerate(groups):
        for ago, basket in enumerate(group):
            share = learner.basket_fade**ago * learner.group_fade**age
            vector[basket] += share / len(group) / len(groups)
    return vector


def history_of(baskets: Baskets) -> Histories:
    return shop(baskets).histories


@pytest.mark.parametrize("groups", [1, 3, 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_scores_agree_with_a_slow_obvious_twin(seed: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    customers, learner = [random_baskets(rng) for _ in range(15)], TifuKnn(top_n=4, groups=groups)
    vectors = np.array([slow_vector(baskets, learner) for baskets in customers])
    mine = vectors[3]
    distance = np.linalg.norm(vectors - mine, axis=1)
    sharing = [user for user in range(15) if vectors[user] @ mine > 0]
    nearest = sorted(sharing, key=lambda user: (round(distance[user], 6), user))[:4]
    expected = learner.own_share * mine + (1 - learner.own_share) * vectors[nearest].mean(axis=0)

    scores = learner.fit(shop(*customers), RNG).score(history_of(customers[3]))[0]

    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)


def test_an_item_of_every_basket_is_above_one_of_a_single_basket() -> None:
    model = TifuKnn().fit(shop([[0, 1], [0], [0]]), RNG)

    scores = model.score(history_of([[0, 1], [0], [0]]))[0]

    assert scores[0] > scores[1] > 0


def test_a_basket_fades_with_those_after_it_and_not_with_time() -> None:
    early, late = history_of([[0], [1]]), history_of([[0], [1], [1]])
    long_ago = shop([[0], [1]]).only(np.ones(2, bool), NOW + 1_000).histories
    vectors = [basket_vectors(histories, 0.9, 0.7, 7).toarray()[0] for histories in (early, late, long_ago)]

    assert vectors[1][0] < vectors[0][0]
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_neighbours_add_items_the_user_never_had() -> None:
    model = TifuKnn().fit(shop([[0, 1]], [[0, 1], [2]], [[5]]), RNG)

    scores = model.score(history_of([[0, 1]]))[0]

    assert scores[0] > scores[2] > 0
    assert scores[5] == 0


def test_an_own_share_of_one_ignores_the_neighbours() -> None:
    model = TifuKnn(own_share=1.0).fit(shop([[0, 1]], [[0, 1], [2]]), RNG)

    assert np.flatnonzero(model.score(history_of([[0, 1]]))[0]).tolist() == [0, 1]

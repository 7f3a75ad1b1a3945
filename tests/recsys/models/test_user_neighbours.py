"""User neighbours: similar users vote with their recent purchases."""

import numpy as np
import pytest

from recsys.arrays import Ints
from recsys.data.dataset.histories import Histories, build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.event_weights import saturated
from recsys.models.user_neighbours import UserNeighbours, UserNeighboursModel
from recsys.testing import NOW, interactions_of, two_camps

RNG = np.random.default_rng(0)


def shop(*purchases: tuple[int, int, float], n_users: int, n_items: int) -> Interactions:
    """Purchases as (user, item, days ago)."""
    user, item, ago = zip(*purchases, strict=True)
    at = NOW - np.array(ago, np.float64)
    return interactions_of(np.array(user, np.int32), np.array(item, np.int32), n_users=n_users, n_items=n_items, at=at)


def stranger(items: Ints, n_items: int, weight: float = 1.0) -> Histories:
    n = len(items)
    return build_histories(
        user=np.zeros(n, np.int32),
        item=items,
        at=np.full(n, NOW - 1.0),
        weight=np.full(n, weight, np.float32),
        kind=np.full(n, 5, np.int8),
        n_users=1,
        n_items=n_items,
        now=NOW,
    )


def test_an_unknown_user_is_shown_what_their_camp_buys() -> None:
    data = two_camps()
    model = UserNeighbours().fit(data, RNG)

    scores = model.score(stranger(np.array([0, 2, 4], np.int32), data.n_items))[0]

    assert scores[0::2].min() > 0
    assert not scores[1::2].any()


def test_votes_of_the_nearer_customer_weigh_more() -> None:
    near = [(0, 0, 1.0), (0, 1, 1.0), (0, 2, 1.0)]
    far = [(1, 0, 1.0), (1, 3, 1.0), (1, 4, 1.0)]
    model = UserNeighbours().fit(shop(*near, *far, n_users=2, n_items=5), RNG)

    scores = model.score(stranger(np.array([0, 1], np.int32), 5))[0]

    assert scores[2] > scores[3] > 0


def test_recent_purchases_outweigh_old_ones() -> None:
    data = shop((0, 0, 1.0), (0, 1, 2.0), (0, 2, 40.0), (0, 3, 57.0), n_users=1, n_items=4)
    model = UserNeighbours(recent_days=56, vote_half_life_days=28).fit(data, RNG)

    scores = model.score(stranger(np.array([0], np.int32), 4))[0]

    np.testing.assert_allclose(scores, np.exp2(-np.array([1.0, 2.0, 40.0, np.inf]) / 28.0), rtol=1e-6)


def test_repeats_do_not_multiply_a_vote() -> None:
    data = shop((0, 0, 1.0), (0, 1, 1.0), (0, 1, 5.0), (0, 1, 9.0), n_users=1, n_items=2)
    model = UserNeighbours().fit(data, RNG)

    scores = model.score(stranger(np.array([0], np.int32), 2))[0]

    assert scores[0] == scores[1]


def test_only_the_nearest_customers_vote() -> None:
    data = shop((0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 2, 1.0), (1, 3, 1.0), n_users=2, n_items=4)
    model = UserNeighbours(top_n=1).fit(data, RNG)

    scores = model.score(stranger(np.array([0], np.int32), 4))[0]

    assert scores[1] > 0
    assert not scores[2:].any()


def test_a_returned_item_neither_votes_nor_makes_users_similar() -> None:
    data = two_camps()
    model = UserNeighbours().fit(data, RNG)

    scores = model.score(stranger(np.array([0, 2, 4], np.int32), data.n_items, weight=-1.0))

    assert not scores.any()


def test_a_return_takes_the_vote_back() -> None:
    data = build_histories(
        user=np.zeros(3, np.int32),
        item=np.array([0, 1, 1], np.int32),
        at=np.array([NOW - 3, NOW - 3, NOW - 2]),
        weight=np.array([1.0, 1.0, -1.0], np.float32),
        kind=np.array([5, 5, 6], np.int8),
        n_users=1,
        n_items=2,
        now=NOW,
    )
    nothing = np.zeros(3, np.int32)
    model = UserNeighbours().fit(Interactions(data, nothing, nothing.astype(np.float32), np.zeros(2, np.int32)), RNG)

    scores = model.score(stranger(np.array([0], np.int32), 2))[0]

    assert scores[0] > 0
    assert scores[1] == 0


def test_rare_items_count_more_with_idf_power() -> None:
    common = [(user, 0, 1.0) for user in range(1, 9)]
    data = shop((0, 1, 1.0), (0, 2, 1.0), (1, 3, 1.0), *common, n_users=9, n_items=4)
    alike, rare = UserNeighbours(idf_power=0.0), UserNeighbours(idf_power=2.0)
    asking = stranger(np.array([0, 1], np.int32), 4)

    gains = [learner.fit(data, RNG).score(asking)[0, 2] for learner in (alike, rare)]

    assert gains[1] > gains[0]


def test_an_item_keeps_only_its_strongest_users() -> None:
    focused = [(0, 0, 1.0)]
    broad = [(1, item, 1.0) for item in range(4)]
    model = UserNeighbours(owners_per_item=1).fit(shop(*focused, *broad, n_users=2, n_items=4), RNG)

    scores = model.score(stranger(np.array([0], np.int32), 4))[0]

    assert np.diff(model.owner_offsets).tolist() == [1, 1, 1, 1]
    assert scores[0] > 0
    assert not scores[1:].any()


def test_only_the_strongest_items_of_a_long_history_are_compared() -> None:
    data = shop((0, 0, 1.0), (1, 1, 1.0), n_users=2, n_items=2)
    twice_the_first = stranger(np.array([0, 0, 1], np.int32), 2)
    model = UserNeighbours(history_items=1).fit(data, RNG)

    scores = model.score(twice_the_first)[0]

    assert scores[0] > 0
    assert scores[1] == 0


@pytest.mark.parametrize(("top_n", "saturation", "powers"), [(100, 1.2, (0.0, 1.0, 1.0)), (5, 0.0, (1.0, 2.0, 1.3))])
def test_neighbours_and_votes_agree_with_a_slow_obvious_twin(
    top_n: int, saturation: float, powers: tuple[float, float, float]
) -> None:
    data, (idf_power, closeness, length_power) = two_camps(n_users=30, n_items=12), powers
    learner = UserNeighbours(top_n, 56.0, 28.0, 90.0, saturation, *powers)
    rows = data.histories.pairs(90.0).matrix().toarray()
    owners = (rows > 0).sum(axis=0)
    telling = saturated(rows, saturation) * np.log1p(30 / np.maximum(owners, 1)) ** idf_power
    unit = telling / np.maximum(np.linalg.norm(telling, axis=1, keepdims=True), 1e-12) ** length_power
    votes = np.zeros((30, 12))
    for user in range(30):
        for event in range(data.histories.offsets[user], data.histories.offsets[user + 1]):
            age = NOW - data.histories.at[event]
            vote = 2.0 ** (-age / 28.0) * (age <= 56.0)
            votes[user, data.histories.item[event]] = max(votes[user, data.histories.item[event]], vote)
    cosine = telling[3] @ unit.T
    nearest = sorted(range(30), key=lambda user: (-np.float32(cosine[user]), user))[:top_n]
    share = cosine[nearest] ** closeness
    expected = share @ votes[nearest] / share.sum()

    scores = learner.fit(data, RNG).score(data.histories.take([3]))[0]

    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-7)


def test_the_nearest_are_favoured_where_customers_have_many_items() -> None:
    crowded, sparse = two_camps(n_items=300, share=0.9), two_camps(n_items=60, share=0.9)

    assert [UserNeighbours().fit(data, RNG).closeness for data in (crowded, sparse)] == [3.0, 1.0]


def test_a_release_without_closeness_counts_votes_in_proportion() -> None:
    data = two_camps()
    arrays = dict(UserNeighbours().fit(data, RNG).arrays())
    before = UserNeighboursModel.from_arrays(arrays).score(data.histories)
    del arrays["closeness"]

    np.testing.assert_array_equal(UserNeighboursModel.from_arrays(arrays).score(data.histories), before)


def likenesses(asking: np.ndarray, others: np.ndarray, shrinkage: float) -> np.ndarray:
    """The common weight of each user and the given one, over the weight of either (Tanimoto 1958)."""
    usual = (others[others > 0] ** 2).mean()
    common = others @ asking
    return np.asarray(common / ((others**2).sum(axis=1) + shrinkage * usual + asking @ asking - common))


@pytest.mark.parametrize("shrinkage", [0.0, 4.0])
def test_jaccard_agrees_with_a_slow_obvious_twin(shrinkage: float) -> None:
    rng = np.random.default_rng(3)
    has = rng.random((12, 9)) < 0.4
    user, item = (column.astype(np.int32) for column in np.nonzero(has))
    data = interactions_of(user, item, n_users=12, n_items=9)
    model = UserNeighbours(similarity="jaccard", shrinkage=shrinkage, saturation=0, idf_power=0, top_n=12).fit(
        data, RNG
    )

    scores = model.score(stranger(np.array([0, 2, 5], np.int32), 9))[0]

    alike = likenesses(np.isin(np.arange(9), [0, 2, 5]).astype(float), has.astype(float), shrinkage)
    np.testing.assert_allclose(scores, alike @ has / alike.sum(), rtol=1e-5)


def test_by_jaccard_a_user_with_few_other_items_is_nearer() -> None:
    little, much = [(0, 0, 1.0), (0, 1, 1.0)], [(1, item, 1.0) for item in (0, 2, 3, 4, 5)]
    model = UserNeighbours(similarity="jaccard").fit(shop(*little, *much, n_users=2, n_items=6), RNG)

    scores = model.score(stranger(np.array([0], np.int32), 6))[0]

    assert scores[1] > scores[2] > 0


def test_shrinkage_keeps_a_user_with_a_single_item_from_being_most_similar() -> None:
    single, known = [(0, 0, 1.0)], [(1, item, 1.0) for item in range(4)]
    data = shop(*single, *known, n_users=2, n_items=5)
    asking = stranger(np.arange(2, dtype=np.int32), 5)

    bare, shrunk = (UserNeighbours(shrinkage=pull, idf_power=0).fit(data, RNG).score(asking)[0] for pull in (0, 20))

    assert shrunk[3] > bare[3]

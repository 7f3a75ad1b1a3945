"""Item neighbours: items that share their users, and the score of a history."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.models.item_neighbours import ItemNeighbours
from recsys.testing import NOW, camp_baskets, interactions_of

RNG = np.random.default_rng(0)
Weighting = Literal["cosine", "bm25", "tfidf"]
PLAIN = ItemNeighbours(weighting="cosine", shrinkage=0, half_life_days=np.inf, min_customers=1, own_vote=0)


def likes(*baskets: Sequence[int], n_items: int = 8) -> Interactions:
    """The items each user bought, all on the same day."""
    user = np.repeat(np.arange(len(baskets)), [len(items) for items in baskets]).astype(np.int32)
    item = np.concatenate([np.asarray(items, np.int32) for items in baskets])
    return interactions_of(user, item, n_users=len(baskets), n_items=n_items)


def test_the_similarity_is_the_cosine_of_the_columns() -> None:
    data = camp_baskets()
    model = PLAIN.fit(data, RNG)
    tastes = data.histories.pairs().matrix().toarray().astype(np.float64)
    length = np.linalg.norm(tastes, axis=0)
    others, similarity = model.similar(4, 20)
    np.testing.assert_allclose(similarity, (tastes.T @ tastes)[4, others] / length[4] / length[others], rtol=1e-5)
    assert set(others) == set(range(0, 18, 2)) - {4}


def test_equally_similar_items_stand_by_position() -> None:
    model = PLAIN.fit(likes([5, 3, 1], [5, 3, 1]), RNG)
    assert model.similar(3, 5)[0].tolist() == [1, 5]


def test_at_most_top_n_neighbours_are_kept() -> None:
    model = replace(PLAIN, top_n=2).fit(likes(range(8), range(8), [0, 1], [0, 2]), RNG)
    assert model.similar(0, 8)[0].tolist() == [1, 2]


def test_shrinkage_puts_a_well_known_pair_before_a_chance_one() -> None:
    chance = likes([0, 1], *[[0, 2]] * 8, [2], [0])
    assert PLAIN.fit(chance, RNG).similar(1, 1)[1] < PLAIN.fit(chance, RNG).similar(2, 1)[1]
    twins = likes([0, 1], *[[2, 3]] * 8)
    model = replace(PLAIN, shrinkage=5.0).fit(twins, RNG)
    assert model.similar(2, 1)[1] > 2 * model.similar(0, 1)[1]


def test_an_item_with_too_few_customers_has_no_neighbours() -> None:
    model = replace(PLAIN, min_customers=2).fit(likes([0, 1, 2], [0, 1]), RNG)
    assert len(model.similar(2, 5)[0]) == 0
    assert model.similar(0, 5)[0].tolist() == [1]


@pytest.mark.parametrize("weighting", get_args(Weighting))
def test_every_weighting_finds_the_own_camp(weighting: Weighting) -> None:
    data = camp_baskets()
    scores = ItemNeighbours(weighting=weighting).fit(data, RNG).score(data.histories)
    assert (scores[::2, 0:18:2] > 0).all()
    assert not scores[::2, 1:18:2].any()


def test_the_score_sums_the_history_over_the_neighbours_of_each_item() -> None:
    data = camp_baskets()
    model = replace(PLAIN, history_half_life_days=np.inf, history_power=1.0).fit(data, RNG)
    tastes = data.histories.pairs().matrix().toarray().astype(np.float64)
    cosine = tastes.T @ tastes / np.maximum(np.outer(*[np.linalg.norm(tastes, axis=0)] * 2), 1e-9)
    np.fill_diagonal(cosine, 0)
    np.testing.assert_allclose(model.score(data.histories), tastes @ cosine, rtol=1e-4, atol=1e-5)


def test_an_item_of_the_history_votes_for_itself_by_own_vote() -> None:
    data = likes([0, 1], [0, 1], [0, 1, 2])
    silent, loud = (replace(PLAIN, own_vote=vote).fit(data, RNG).score(likes([0]).histories)[0] for vote in (0, 2))
    assert silent[0] == 0
    assert loud[0] > loud[1]
    np.testing.assert_array_equal(loud[1:], silent[1:])


def test_an_item_is_scored_by_its_own_neighbours_only() -> None:
    # Everything is bought with item 0, but the closest to 7 is 6: with one neighbour each, 0 does not vote for 7.
    data = likes([0, 1], [0, 1], [0, 2], [0, 2], [0, 6, 7], [6, 7], [6, 7])
    model = replace(PLAIN, top_n=1).fit(data, RNG)
    buyer_of_0 = likes([0]).histories
    scores = model.score(buyer_of_0)[0]
    assert scores[7] == 0
    assert scores[1] > 0
    assert scores[2] > 0


def test_an_item_votes_for_no_more_than_max_votes() -> None:
    data = likes([0, 1], [0, 2], [0, 3], [0, 4])
    assert np.count_nonzero(replace(PLAIN, max_votes=2).fit(data, RNG).score(likes([0]).histories)) == 2


def test_only_the_heaviest_items_of_a_long_history_count() -> None:
    data = likes([0, 1], [2, 3])
    bought = likes([0, 2]).histories
    history = replace(bought, weight=np.array([1, 5], np.float32))
    scores = replace(PLAIN, max_history=1).fit(data, RNG).score(history)[0]
    assert scores[3] > 0
    assert scores[1] == 0


def test_a_dismissed_item_counts_against_its_neighbours() -> None:
    data = likes([0, 1], [2, 3])
    bought = likes([0, 2]).histories
    dismissed = replace(
        bought, weight=np.array([1, -1], np.float32), kind=np.array([Kind.PURCHASE, Kind.DISMISS], np.int8)
    )
    scores = PLAIN.fit(data, RNG).score(dismissed)[0]
    assert scores[1] > 0 > scores[3]


def test_returns_make_no_items_similar() -> None:
    data = likes([0, 1], [0, 1])
    returned = replace(data.histories, weight=-data.histories.weight)
    assert len(PLAIN.fit(replace(data, histories=returned), RNG).similar(0, 5)[0]) == 0


def test_newer_items_of_the_history_count_more() -> None:
    data = likes([0, 1], [2, 3])
    bought = likes([0, 2]).histories
    history = replace(bought, at=np.array([NOW - 400, NOW - 1]))
    scores = replace(PLAIN, history_half_life_days=90.0).fit(data, RNG).score(history)[0]
    assert scores[3] > scores[1] > 0


def weighted_tastes() -> tuple[Interactions, np.ndarray]:
    data = camp_baskets()
    return data, data.histories.pairs().matrix().toarray().astype(np.float64)


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
@pytest.mark.parametrize("asymmetry", [0.0, 0.2, 0.5, 1.0])
def test_an_asymmetric_cosine_splits_the_lengths_between_item_and_neighbour(asymmetry: float, shrinkage: float) -> None:
    data, tastes = weighted_tastes()
    learner = replace(PLAIN, asymmetry=asymmetry, shrinkage=shrinkage)
    others, similarity = learner.fit(data, RNG).similar(4, 20)
    square = tastes**2
    size = square.sum(axis=0) + shrinkage * square[tastes > 0].mean()
    expected = [tastes[:, 4] @ tastes[:, j] / size[4] ** asymmetry / size[j] ** (1 - asymmetry) for j in others]
    np.testing.assert_allclose(similarity, expected, rtol=1e-5)
    assert set(others) == set(range(0, 18, 2)) - {4}


def test_jaccard_is_the_share_of_either_items_customers_who_have_both() -> None:
    data = likes([0, 1], [0, 1], [0], [1, 2], [2, 3], n_items=4)
    others, similarity = replace(PLAIN, similarity="jaccard").fit(data, RNG).similar(1, 9)
    assert others.tolist() == [0, 2]
    np.testing.assert_allclose(similarity, [2 / 4, 1 / 4])


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
def test_jaccard_of_weights_is_what_is_common_by_what_either_has(shrinkage: float) -> None:
    data, tastes = weighted_tastes()
    learner = replace(PLAIN, similarity="jaccard", shrinkage=shrinkage)
    others, similarity = learner.fit(data, RNG).similar(4, 20)
    square = tastes**2
    common, size = tastes.T @ tastes, square.sum(axis=0)
    either = size[4] + size[others] - common[4, others] + shrinkage * square[tastes > 0].mean()
    np.testing.assert_allclose(similarity, common[4, others] / either, rtol=1e-5)


def test_many_items_are_compared_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    data = camp_baskets()
    whole = replace(PLAIN, similarity="jaccard").fit(data, RNG)
    monkeypatch.setattr("recsys.models.item_neighbours.BLOCK", 3)
    parts = replace(PLAIN, similarity="jaccard").fit(data, RNG)
    for expected, actual in zip(whole.arrays().values(), parts.arrays().values(), strict=True):
        np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize(("n_items", "kept"), [(0, 200), (1_700, 200), (20_000, 200), (40_000, 100), (1_000_000, 50)])
def test_fewer_neighbours_are_kept_where_items_are_many(n_items: int, kept: int) -> None:
    assert ItemNeighbours().n_neighbours(n_items) == kept
    assert ItemNeighbours(top_n=7).n_neighbours(n_items) == 7

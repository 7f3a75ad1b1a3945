"""Graph walk: the product of its steps, the penalty of best-sellers, and pruning."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from recsys.arrays import Doubles
from recsys.data.dataset.interactions import Interactions
from recsys.models.graph_walk import GraphWalk, GraphWalkModel
from recsys.testing import camp_baskets, interactions_of

RNG = np.random.default_rng(0)
PLAIN = GraphWalk(alpha=1.0, beta=0.0, saturation=0.0)


def likes(*baskets: Sequence[int], n_items: int = 4) -> Interactions:
    user = np.repeat(np.arange(len(baskets)), [len(items) for items in baskets]).astype(np.int32)
    item = np.concatenate([np.asarray(items, np.int32) for items in baskets])
    return interactions_of(user, item, n_users=len(baskets), n_items=n_items)


def shop(seed: int, n_users: int = 60, n_items: int = 12) -> Interactions:
    """Users buy at random, the first items more often than the last."""
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((n_users, n_items)) < np.linspace(0.8, 0.1, n_items))
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=n_items)


def steps_of(model: GraphWalkModel, n_items: int) -> Doubles:
    """Row by row where the walk leads from each item, (I, I), as scores of users who own nothing else."""
    each = np.arange(n_items, dtype=np.int32)
    return model.score(interactions_of(each, each, n_users=n_items, n_items=n_items).histories).astype(np.float64)


def walked(data: Interactions, alpha: float, beta: float) -> Doubles:
    """The slow, obvious computation, as in the paper."""
    tastes = (data.histories.pairs().matrix().toarray() > 0).astype(np.float64)
    to_item = (tastes / np.maximum(tastes.sum(axis=1, keepdims=True), 1)) ** alpha
    to_user = (tastes.T / np.maximum(tastes.sum(axis=0)[:, None], 1)) ** alpha
    steps: Doubles = to_user @ to_item / np.maximum(tastes.sum(axis=0), 1) ** beta
    np.fill_diagonal(steps, 0)
    return steps


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.7])
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_the_score_is_the_product_of_the_steps_with_the_best_seller_penalty(alpha: float, beta: float) -> None:
    data = shop(0)
    model = replace(PLAIN, alpha=alpha, beta=beta).fit(data, RNG)
    np.testing.assert_allclose(steps_of(model, 12), walked(data, alpha, beta), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("beta", [0.0, 0.8])
def test_each_item_keeps_its_most_likely_sources(beta: float) -> None:
    data = shop(1)
    kept = steps_of(replace(PLAIN, beta=beta, top_n=3).fit(data, RNG), 12)
    whole = walked(data, 1.0, beta)
    cut = np.sort(whole, axis=0)[-3]
    np.testing.assert_allclose(kept, np.where(whole >= cut, whole, 0), rtol=1e-4, atol=1e-7)


def test_beta_puts_the_rare_item_before_the_bestseller() -> None:
    data = likes(*[[0, 1, 2]] * 4, *[[1, 3]] * 40, [0, 1])
    assert PLAIN.fit(data, RNG).similar(0, 1)[0].tolist() == [1]
    assert replace(PLAIN, beta=0.8).fit(data, RNG).similar(0, 1)[0].tolist() == [2]


def test_a_customer_with_few_items_leads_further_than_one_with_many() -> None:
    data = likes([0, 1], [0, *range(2, 12)], n_items=12)
    assert PLAIN.fit(data, RNG).similar(0, 1)[0].tolist() == [1]


def test_an_item_nobody_has_is_never_reached() -> None:
    steps = steps_of(GraphWalk().fit(likes([0, 1], [1, 2]), RNG), 4)
    assert not steps[:, 3].any()
    assert not steps[3].any()


def test_one_item_of_the_history_leads_to_at_most_max_votes() -> None:
    steps = steps_of(replace(PLAIN, max_votes=3).fit(camp_baskets(), RNG), 20)
    assert np.count_nonzero(steps, axis=1).max() == 3


def test_only_the_weightiest_items_of_a_long_history_count() -> None:
    model = replace(PLAIN, max_history=1).fit(camp_baskets(), RNG)
    short, long = likes([0], n_items=20), likes([0, 0, 2], n_items=20)
    np.testing.assert_array_equal(model.score(short.histories), model.score(long.histories))

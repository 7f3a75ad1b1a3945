"""Spectral graph filter: both filters against the formula, the number of tastes, and the bounds of a request."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.arrays import Doubles
from recsys.data.dataset.interactions import Interactions
from recsys.models.graph_filter import MOST_NUMBERS, GraphFilter, GraphFilterModel
from recsys.testing import camp_baskets, interactions_of

RNG = np.random.default_rng(0)
PLAIN = GraphFilter(factors=4, saturation=0.0)


def shop(seed: int, n_users: int = 60, n_items: int = 12) -> Interactions:
    """Users buy at random, the first items more often than the last; nobody buys the last one."""
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((n_users, n_items)) < np.linspace(0.8, 0.1, n_items))
    kept = item < n_items - 1
    return interactions_of(user[kept].astype(np.int32), item[kept].astype(np.int32), n_users=n_users, n_items=n_items)


def filtered(data: Interactions, factors: int, low_pass: float) -> Doubles:
    """The slow, obvious computation, as in the paper, (I, I): from one item of a history to all others."""
    likes = (data.histories.pairs().matrix().toarray() > 0).astype(np.float64)
    by_user, by_item = (np.sqrt(np.maximum(likes.sum(axis=axis), 1)) for axis in (1, 0))
    scaled = likes / by_user[:, None] / by_item
    main = np.linalg.svd(scaled, full_matrices=False)[2][:factors]
    linear: Doubles = scaled.T @ scaled
    np.fill_diagonal(linear, 0)
    return np.asarray(linear + low_pass * (main.T / by_item[:, None]) @ (main * by_item))


def passed_by(model: GraphFilterModel, n_items: int) -> Doubles:
    """Row by row the scores of users who own one item each, (I, I)."""
    each = np.arange(n_items, dtype=np.int32)
    return model.score(interactions_of(each, each, n_users=n_items, n_items=n_items).histories).astype(np.float64)


@pytest.mark.parametrize("low_pass", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("factors", [2, 4, 40])  # more than there are items: all tastes
def test_the_score_is_the_sum_of_both_filters(factors: int, low_pass: float) -> None:
    data = shop(0)
    model = replace(PLAIN, factors=factors, low_pass=low_pass).fit(data, RNG)
    expected = filtered(data, factors, low_pass)
    expected[-1] = expected[:, -1] = 0  # nobody bought the last item
    np.testing.assert_allclose(passed_by(model, 12), expected, rtol=1e-4, atol=1e-6)


def test_only_the_direct_votes_are_cut() -> None:
    data = shop(1)
    whole = passed_by(replace(PLAIN, low_pass=0.3).fit(data, RNG), 12)
    votes = passed_by(replace(PLAIN, low_pass=0.0).fit(data, RNG), 12)
    kept = passed_by(replace(PLAIN, low_pass=0.3, top_n=3).fit(data, RNG), 12)
    cut = np.sort(votes, axis=0)[-3]
    np.testing.assert_allclose(kept, whole - np.where(votes >= cut, 0, votes), rtol=1e-4, atol=1e-6)


def test_the_broad_tastes_reach_items_that_share_no_user() -> None:
    user, item = np.array([0, 0, 1, 1, 2, 2, 3, 3], np.int32), np.array([0, 1, 1, 2, 0, 1, 1, 2], np.int32)
    data = interactions_of(user, item, n_users=4, n_items=3)
    own = interactions_of(item[:1], item[:1], n_users=1, n_items=3).histories
    assert replace(PLAIN, factors=1, low_pass=0.0).fit(data, RNG).score(own)[0, 2] == 0
    assert replace(PLAIN, factors=1, low_pass=0.3).fit(data, RNG).score(own)[0, 2] > 0


@pytest.mark.parametrize(
    ("shape", "factors"), [((40, 20), 16), ((943, 1_682), 60), ((2_000_000, 30_000), 256), ((2_000_000, 1_000_000), 16)]
)
def test_the_number_of_tastes_grows_with_the_data_until_a_request_would_be_slow(
    shape: tuple[int, int], factors: int
) -> None:
    assert GraphFilter().n_factors(*shape) == factors
    assert factors == 16 or factors * shape[1] <= MOST_NUMBERS


def test_only_the_weightiest_items_of_a_long_history_count() -> None:
    model = replace(PLAIN, max_history=1).fit(camp_baskets(), RNG)
    zeros = np.zeros(1, np.int32)
    short = interactions_of(zeros, zeros, n_users=1, n_items=20)
    long = interactions_of(np.zeros(3, np.int32), np.array([0, 0, 2], np.int32), n_users=1, n_items=20)
    np.testing.assert_array_equal(model.score(short.histories), model.score(long.histories))

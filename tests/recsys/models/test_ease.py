"""EASE: the closed form against dense algebra, the memory limit, and pruning."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.arrays import Doubles
from recsys.data.dataset.interactions import Interactions
from recsys.errors import BadSettings
from recsys.learning.bundle_builder import catalogue_splits
from recsys.models import ease
from recsys.models.ease import Ease, EaseModel
from recsys.models.regression import nearest, ridge
from recsys.testing import camp_baskets, interactions_of

RNG = np.random.default_rng(0)
PLAIN = Ease(l2=3.0, dropout=0.0, saturation=0.0, min_customers=1)


def shop(seed: int, n_users: int = 300, n_items: int = 12, share: float = 0.4) -> Interactions:
    """Users buy at random, the first items more often than the last; any two items have a common user."""
    rng = np.random.default_rng(seed)
    likes = rng.random((n_users, n_items)) < np.linspace(2 * share, share / 2, n_items)
    user, item = np.nonzero(likes)
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=n_items)


def likes(*baskets: Sequence[int], n_items: int = 4) -> Interactions:
    user = np.repeat(np.arange(len(baskets)), [len(items) for items in baskets]).astype(np.int32)
    item = np.concatenate([np.asarray(items, np.int32) for items in baskets])
    return interactions_of(user, item, n_users=len(baskets), n_items=n_items)


def tastes_of(data: Interactions) -> Doubles:
    return (data.histories.pairs().matrix().toarray() > 0).astype(np.float64)


def weights_of(model: EaseModel, n_items: int) -> Doubles:
    """Row by row the weights of each item for the others, (I, I), as scores of users who own nothing else."""
    each = np.arange(n_items, dtype=np.int32)
    alone = interactions_of(each, each, n_users=n_items, n_items=n_items)
    return model.score(alone.histories).astype(np.float64)


def closed_form(tastes: Doubles, l2: float, dropout: float = 0.0) -> Doubles:
    """The slow, obvious computation."""
    gram = tastes.T @ tastes
    inverse = np.linalg.inv(gram + np.diag(l2 + dropout / (1 - dropout) * np.diag(gram)))
    weights: Doubles = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


CHOICE = likes(*[[0, 1]] * 20, *[[0, 2]] * 20, [0, 1, 2])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 50), st.sampled_from([0.0, 0.3, 0.8]))
def test_with_all_weights_kept_it_is_the_closed_form(seed: int, l2: float, dropout: float) -> None:
    data = shop(seed)
    model = replace(PLAIN, l2=l2, dropout=dropout).fit(data, RNG)
    expected = closed_form(tastes_of(data), l2, dropout)
    np.testing.assert_allclose(weights_of(model, 12), expected, rtol=1e-3, atol=1e-4)


def test_blocks_do_not_change_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    data = shop(1)
    whole = weights_of(PLAIN.fit(data, RNG), 12)
    monkeypatch.setattr("recsys.models.regression.ridge.BLOCK", 5)
    np.testing.assert_allclose(weights_of(PLAIN.fit(data, RNG), 12), whole, rtol=1e-4, atol=1e-6)


def test_the_few_kept_weights_are_solved_again_among_themselves() -> None:
    data = shop(2)
    tastes = tastes_of(data)
    gram = tastes.T @ tastes
    full = closed_form(tastes, 3.0)
    weights = weights_of(replace(PLAIN, top_n=4).fit(data, RNG), 12)
    for item in range(12):
        others = np.argsort(-np.where(np.arange(12) == item, -np.inf, full[:, item]))[:4]
        expected = np.linalg.solve(gram[np.ix_(others, others)] + 3.0 * np.eye(4), gram[others, item])
        np.testing.assert_allclose(weights[others, item], expected, rtol=1e-3, atol=1e-4)
        assert np.count_nonzero(weights[:, item]) <= 4


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "MIB", 4 * 5 * 5)  # a mebibyte of room for five items by five


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize(("l2", "dropout", "saturation"), [(3.0, 0.0, 0.0), (20.0, 0.3, 0.5)])
def test_beyond_the_memory_limit_it_is_the_closed_form_where_every_item_may_vote(
    l2: float, dropout: float, saturation: float
) -> None:
    for seed in range(5):
        data = shop(seed)
        wide = replace(PLAIN, l2=l2, dropout=dropout, saturation=saturation, top_n=12, tail_top_n=24)
        beyond = replace(wide, memory_mib=1).fit(data, RNG)
        np.testing.assert_allclose(weights_of(beyond, 12), weights_of(wide.fit(data, RNG), 12), rtol=1e-3, atol=1e-4)
        assert (beyond.head, beyond.tail) == (5, 7)
        assert "12 items are each weighed" in catalogue_splits({"ease": beyond})["ease"]


@pytest.mark.usefixtures("small_limit")
def test_beyond_the_memory_limit_few_weights_are_solved_among_themselves() -> None:
    data = shop(4)
    tastes = tastes_of(data)
    gram = tastes.T @ tastes
    weights = weights_of(replace(PLAIN, memory_mib=1, tail_top_n=4).fit(data, RNG), 12)
    assert (np.count_nonzero(weights, axis=0) <= 4).all()
    for item in range(12):
        others = np.flatnonzero(weights[:, item])
        expected = np.linalg.solve(gram[np.ix_(others, others)] + 3.0 * np.eye(len(others)), gram[others, item])
        np.testing.assert_allclose(weights[others, item], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("small_limit")
def test_the_second_round_takes_what_the_first_one_does_not_explain() -> None:
    # Items 1 and 2 say the same of item 0, and each alone more than item 3, which says something new.
    data = likes(*[[0, 1, 2]] * 30, *[[1, 2]] * 10, *[[0, 3]] * 8, *[[4]] * 40, *[[5]] * 41, *[[6]] * 42, n_items=7)
    learner = replace(PLAIN, memory_mib=1, tail_top_n=2)
    assert np.flatnonzero(weights_of(learner.fit(data, RNG), 7)[:, 0]).tolist() == [1, 3]


@pytest.mark.usefixtures("small_limit")
def test_only_items_of_the_head_vote_where_all_others_would_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "MAX_ENTRIES", 1.0)
    data = shop(3)
    tail = np.argsort(-tastes_of(data).sum(axis=0), kind="stable")[5:]
    weights = weights_of(replace(PLAIN, memory_mib=1, tail_top_n=24).fit(data, RNG), 12)
    assert not weights[tail].any()
    assert weights[:, tail].any(axis=0).all()


def test_an_item_of_the_tail_with_too_few_customers_takes_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "MIB", 4 * 2 * 2)
    data = likes([0, 1, 2, 3], [0, 1, 2], [0, 1], [0, 1])
    weights = weights_of(replace(PLAIN, memory_mib=1, min_customers=2).fit(data, RNG), 4)
    assert weights[0, 2] > 0
    assert not weights[:, 3].any()


def test_a_choice_between_two_items_votes_against_the_other() -> None:
    weights = weights_of(PLAIN.fit(CHOICE, RNG), 4)
    assert weights[1, 2] < 0 < weights[0, 2]
    assert weights[2, 1] < 0 < weights[0, 1]


def test_a_negative_weight_is_no_similarity() -> None:
    assert PLAIN.fit(CHOICE, RNG).similar(1, 3)[0].tolist() == [0]


def test_items_without_common_users_have_no_weight() -> None:
    weights = weights_of(PLAIN.fit(likes(*[[0, 1]] * 20, *[[0, 2]] * 20), RNG), 4)
    assert weights[1, 2] == weights[2, 1] == 0
    assert weights[0, 1] > 0


def test_one_item_of_the_history_votes_for_at_most_max_votes() -> None:
    weights = weights_of(replace(PLAIN, max_votes=3).fit(camp_baskets(), RNG), 20)
    assert np.count_nonzero(weights, axis=1).max() == 3


def test_only_the_weightiest_items_of_a_long_history_count() -> None:
    data = camp_baskets()
    model = replace(PLAIN, max_history=1).fit(data, RNG)
    short, long = likes([0], n_items=20), likes([0, 0, 2], n_items=20)
    np.testing.assert_array_equal(model.score(short.histories), model.score(long.histories))


@pytest.mark.parametrize("copies", [4, 400])
def test_the_automatic_penalty_is_the_root_of_the_mean_users(copies: int) -> None:
    data = likes(*[[0, 1]] * copies)  # the two items that nobody has do not count
    automatic = replace(PLAIN, l2="auto").fit(data, RNG)
    by_hand = replace(PLAIN, l2=ease.AUTO_L2 * float(np.sqrt(copies))).fit(data, RNG)
    np.testing.assert_array_equal(weights_of(automatic, 4), weights_of(by_hand, 4))
    assert weights_of(automatic, 4)[0, 1] > 0


def test_a_penalty_too_small_for_the_data_is_refused_with_a_better_one() -> None:
    twins = likes(*[[0, 1, 2, 3]] * 300)
    with pytest.raises(BadSettings, match="l2 = 1e-09 is too small"):
        replace(PLAIN, l2=1e-9).fit(twins, RNG)


def test_the_sizes_of_head_and_tail_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="recsys.models.ease"):
        Ease(memory_mib=1).fit(shop(1, n_items=12), RNG)

    assert [(record.message, record.__dict__["head"], record.__dict__["tail"]) for record in caplog.records] == [
        ("ease_parted", 12, 0)
    ]


def test_with_more_items_fewer_vote_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    data = shop(2, n_items=12)
    monkeypatch.setattr(ease, "MAX_TERMS", 12 * 3**2)

    model = PLAIN.fit(data, RNG)

    assert np.bincount(model.votes.neighbour, minlength=12).tolist() == [3] * 12


def test_a_catalogue_within_the_memory_limit_is_not_split() -> None:
    assert catalogue_splits({"ease": PLAIN.fit(shop(1), RNG)}) == {}


@pytest.mark.parametrize("n_users", [3, 25])
def test_the_system_of_few_users_gives_the_same_regression(n_users: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shop(3, n_users=n_users)
    by_users = weights_of(Ease().fit(data, RNG), 12)
    monkeypatch.setattr(ridge, "FEW_USERS", 0.1)
    other = weights_of(Ease().fit(data, RNG), 12)
    monkeypatch.setattr(ridge, "FEW_USERS", 1_000)
    np.testing.assert_allclose(by_users, weights_of(Ease().fit(data, RNG), 12), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(by_users, other, rtol=1e-3, atol=1e-5)

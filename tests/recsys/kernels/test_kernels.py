"""Compiled kernels: each gives what its twin in NumPy gives."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import kernels
from recsys.arrays import Bools, Floats, add_weighted_rows
from recsys.data.catalogue.mask_cache import BorrowedMask
from recsys.data.dataset.histories import Histories, build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.entities import Item
from recsys.data.events import DISMISS, PURCHASE, RETURN, Event
from recsys.engine.calibration import Calibration
from recsys.index.exact import ExactIndex
from recsys.models.als import Als, AlsModel
from recsys.models.buy_again import BuyAgainModel
from recsys.models.candidates import Candidates, best, blended
from recsys.models.ease import Ease
from recsys.models.neighbour_table import NeighbourTable, VotingModel
from recsys.models.user_neighbours import UserNeighbours, UserNeighboursModel
from recsys.ranking.explain.reasons import nearest_liked
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, interactions_of
from recsys.time_units import DAY_MS

pytestmark = pytest.mark.skipif(kernels.compiled is None, reason="this environment was made without a compiler")

N_USERS, N_ITEMS = 50, 120
T = TypeVar("T")

seeds = st.integers(0, 10_000)


def both(step: Callable[[], T]) -> tuple[T, T]:
    """What the step gives with the compiled kernels, and what it gives without."""
    compiled = kernels.compiled
    with_kernels = step()
    kernels.compiled = None
    try:
        return with_kernels, step()
    finally:
        kernels.compiled = compiled


def history(seed: int) -> Histories:
    """One customer's events of every kind, several of an item, some at the same time; now and then none."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 60))
    kind = rng.choice([1, PURCHASE, PURCHASE, PURCHASE, RETURN, DISMISS], n).astype(np.int8)
    return build_histories(
        user=np.zeros(n, np.int32),
        item=rng.integers(0, 30, n).astype(np.int32),
        at=(NOW - rng.integers(0, 40, n) * 2.25).astype(np.float64),
        weight=np.array([0, 0.05, 0, 0, 0, 1, -1, 0, 0, -1], np.float32)[kind],
        kind=kind,
        n_users=1,
        n_items=N_ITEMS,
        now=NOW + float(rng.integers(0, 3)),
    )


@pytest.fixture(scope="module", name="bought")
def interactions() -> Interactions:
    rng = np.random.default_rng(3)
    user = np.repeat(np.arange(N_USERS, dtype=np.int32), 40)
    item = (rng.integers(0, N_ITEMS, len(user)) * rng.random(len(user))).astype(np.int32)
    at = NOW - 1.0 - rng.integers(0, 300, len(user))
    return interactions_of(user, item, n_users=N_USERS, n_items=N_ITEMS, at=at)


@pytest.fixture(scope="module", name="als")
def fitted_als(bought: Interactions) -> AlsModel:
    return Als(factors=20, iterations=2).fit(bought, np.random.default_rng(0))


def mask_of(seed: int) -> Bools:
    return np.random.default_rng(seed).random(N_ITEMS) < 0.7


@given(seed=seeds, half_life=st.sampled_from([0.5, 30.0, np.inf]))
def test_weights_of_items_are_summed_in_the_same_way(seed: int, half_life: float) -> None:
    (items, weights), (twin_items, twin_weights) = both(lambda: replace(history(seed)).item_weights(half_life))

    np.testing.assert_array_equal(items, twin_items)
    np.testing.assert_allclose(weights, twin_weights, rtol=1e-6, atol=1e-7)


@given(seed=seeds, n=st.integers(1, 12))
def test_later_events_are_merged_into_the_same_places(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    item, at = rng.integers(0, 32, n).astype(np.int32), (NOW - rng.integers(-2, 40, n) * 2.25).astype(np.float64)
    order = np.lexsort((at, item))
    columns = (item[order], at[order], np.arange(n, dtype=np.float32), np.full(n, PURCHASE, np.int8))

    merged, twin = both(lambda: history(seed).with_events(*columns, NOW + 1))

    for name in ("offsets", "item", "at", "weight", "kind"):
        np.testing.assert_array_equal(getattr(merged, name), getattr(twin, name))


@given(seed=seeds, base=st.sampled_from([0.0, 1.0]), saturation=st.sampled_from([0.0, 1.2, np.inf]))
def test_a_history_is_folded_into_the_same_vector(als: AlsModel, seed: int, base: float, saturation: float) -> None:
    model = replace(als, base=base, pull_per_item=0.1 * base, saturation=saturation)

    (vector,), (twin,) = both(lambda: model.fold(history(seed)))

    np.testing.assert_allclose(vector, twin, rtol=2e-4, atol=1e-5 * max(1.0, float(np.abs(twin).max())))


@pytest.mark.parametrize("settings", [{}, {"similarity": "jaccard"}, {"closeness": 3.0, "length_power": 1.3}])
def test_the_same_customers_vote(bought: Interactions, settings: dict[str, object]) -> None:
    learner = UserNeighbours(**{"history_items": 6, "top_n": 9, **settings})  # type: ignore[arg-type]
    model = learner.fit(bought, np.random.default_rng(0))
    for user in range(N_USERS):
        own = bought.histories.take([user])
        (near, share), (twin_near, twin_share) = both(partial(model.fold, own))
        np.testing.assert_array_equal(near, twin_near)
        np.testing.assert_allclose(share, twin_share, rtol=1e-5)


def same_best(model: UserNeighboursModel | VotingModel, own: Histories, mask: Bools, k: int) -> None:
    assert kernels.compiled is not None
    items, scores = model.best_of_rows(kernels.compiled, own, mask, k)
    twin = best(model.score(own)[0], mask, k)
    np.testing.assert_array_equal(items, twin.items)
    np.testing.assert_array_equal(scores, twin.scores)


def test_the_best_by_a_sum_of_rows_are_those_of_all_scores(bought: Interactions) -> None:
    for learner in UserNeighbours(), Ease(), Ease(max_history=3, saturation=0.5), Ease(max_history=0):
        model = cast(VotingModel, learner.fit(bought, np.random.default_rng(0)))
        for user in range(N_USERS):
            for k in 0, 1, 7, N_ITEMS:
                same_best(model, bought.histories.take([user]), mask_of(user), k)


@pytest.mark.parametrize("n", [0, 1, 2, 700])
def test_rows_in_any_order_add_up_as_by_numpy(n: int) -> None:
    rng, n_rows = np.random.default_rng(n), 70_000  # positions of three bytes
    offsets = np.concatenate(([0], np.cumsum(rng.integers(0, 4, n_rows))))
    table = offsets, rng.integers(0, N_ITEMS, offsets[-1]).astype(np.int32), rng.random(offsets[-1], np.float32)
    rows, weight = rng.choice(n_rows, n, replace=False).astype(np.int32), rng.random(n, np.float32)
    scores = np.zeros(N_ITEMS, np.float32)
    add_weighted_rows(rows, weight, table, scores)
    twin = best(scores, mask_of(n), 30)
    assert kernels.compiled is not None
    items, sums = kernels.compiled.best_of_rows(rows, weight, *table, mask_of(n), 30)
    np.testing.assert_array_equal(items, twin.items)
    np.testing.assert_array_equal(sums, twin.scores)


@given(seed=seeds, n_points=st.integers(1, 20))
def test_a_score_is_read_from_a_curve_as_by_numpy(seed: int, n_points: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.sort(rng.integers(0, 12, n_points) / 4)  # some of them equal
    curve = Calibration(points, np.sort(rng.random(n_points)), size_power=0.5)
    scores = np.concatenate((rng.random(20) * 4 - 0.5, points, [np.inf])).astype(np.float32)
    probabilities, twin = both(lambda: curve.apply(scores, 3))
    np.testing.assert_allclose(probabilities, twin, rtol=1e-15)


@given(seed=seeds, k=st.integers(0, 40), doubt=st.sampled_from([0.0, 3.0]), fade=st.sampled_from([0.0, 0.5]))
def test_the_same_items_are_bought_again(seed: int, k: int, doubt: float, fade: float) -> None:
    loyalty = np.random.default_rng(seed).random(N_ITEMS).astype(np.float32)
    model = BuyAgainModel(loyalty, 30.0, doubt, fade)
    for mask in None, mask_of(seed):
        own, twin = both(partial(model.best_own, history(seed), k, mask))
        np.testing.assert_array_equal(own.items, twin.items)
        # What was bought and sent back cancels out up to rounding.
        np.testing.assert_allclose(own.scores, twin.scores, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(own.times, twin.times)
        np.testing.assert_array_equal(own.days, twin.days)


def vectors_of(seed: int, n: int, width: int) -> Floats:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, width)) * rng.pareto(2.0, (n, 1))).astype(np.float32)


@given(seed=seeds, n=st.integers(1, 3_000), width=st.sampled_from([3, 16, 20, 64]), k=st.integers(0, 50))
def test_a_search_finds_the_same_items(seed: int, n: int, width: int, k: int) -> None:
    index, query = ExactIndex.from_vectors(vectors_of(seed, n, width)), vectors_of(seed + 1, 1, width)
    eligible = np.random.default_rng(seed).random(n) < 0.6
    rows = index.rows(np.flatnonzero(np.random.default_rng(seed + 2).random(n) < 0.1))

    for step in (
        lambda: index.search(query, k, eligible),
        lambda: index.search(query, k),
        lambda: index.search_rows(query[0], k, rows, eligible),
    ):
        (items, scores), (twin_items, twin_scores) = both(step)
        np.testing.assert_array_equal(items, twin_items)
        np.testing.assert_allclose(scores, twin_scores, rtol=1e-4, atol=1e-4)


@given(seed=seeds)
def test_a_borrowed_mask_comes_back_as_it_was(seed: int) -> None:
    mask, items = mask_of(seed), np.random.default_rng(seed).integers(0, N_ITEMS, 30).astype(np.int32)

    def borrowed() -> tuple[Bools, Bools]:
        context = BorrowedMask(mask, []).without(items)
        with context as own:
            lent = own.copy()
        return lent, context.own

    (lent, after), (twin_lent, _) = both(borrowed)

    np.testing.assert_array_equal(lent, twin_lent)
    np.testing.assert_array_equal(after, mask)


@given(seed=seeds, k=st.integers(1, 40))
def test_lists_are_blended_in_the_same_order(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    lists = []
    for weight in rng.random(int(rng.integers(2, 5))).tolist():
        items = rng.permutation(60)[: int(rng.integers(1, 30))].astype(np.int32)
        lists.append((Candidates(items, rng.integers(1, 9, len(items)).astype(np.float32)), weight))

    own, twin = both(lambda: blended(lists, k))

    np.testing.assert_allclose(own.scores, twin.scores, rtol=1e-6)
    np.testing.assert_array_equal(own.items, twin.items)


@given(seed=seeds)
def test_the_same_liked_item_is_nearest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 300, N_ITEMS)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    neighbour = rng.integers(0, 1_000, int(counts.sum())).astype(np.int32)
    table = NeighbourTable(offsets, neighbour, np.zeros(len(neighbour), np.float32))
    items, liked = (
        rng.integers(0, N_ITEMS, 10).tolist(),
        rng.integers(0, 1_000, int(rng.integers(1, 9))).astype(np.int32),
    )

    nearest, twin = both(lambda: nearest_liked(items, liked, 1_000, table))

    assert nearest == twin


def test_an_item_that_may_not_be_named_explains_nothing(small_shop: Recommender) -> None:
    seen = [Event(f"e{n}", "", f"item-{n:03}", 1, int(NOW * DAY_MS)) for n in range(0, 20, 2)]
    for hidden in [], ["item-004"], [f"item-{n:03}" for n in range(24)]:
        shop = small_shop.with_catalogue(small_shop.catalogue.with_changes([Item(i, deleted=True) for i in hidden]))
        query = Query(int(NOW * DAY_MS), "discover", 10, session=seen)
        listed, twin = both(partial(shop.recommend, query))
        assert [item.reason for item in listed.items] == [item.reason for item in twin.items]
        assert not {anchor for item in listed.items for anchor in item.reason.because} & set(hidden)


@pytest.mark.parametrize("placement", ["home", "discover", "buy-again", "product", "basket"])
def test_whole_lists_are_the_same(small_shop: Recommender, placement: str) -> None:
    users = small_shop.engine.users.texts.all()
    for user_id in [*users[:20], None]:
        query = Query(int(NOW * DAY_MS), placement, 10, user_id, context_item_ids=("item-003",))
        listed, twin = both(partial(small_shop.recommend, query))
        assert [item.item_id for item in listed.items] == [item.item_id for item in twin.items]
        assert [item.reason for item in listed.items] == [item.reason for item in twin.items]
        np.testing.assert_allclose(
            [item.score for item in listed.items], [item.score for item in twin.items], rtol=1e-4
        )


def test_a_column_of_another_type_is_refused() -> None:
    assert kernels.compiled is not None
    with pytest.raises(TypeError, match="another type"):
        kernels.compiled.item_weights(np.zeros(3), np.zeros(3), np.zeros(3, np.float32), 0.0, 1.0)
    with pytest.raises(ValueError, match="different lengths"):
        kernels.compiled.item_weights(np.zeros(3, np.int32), np.zeros(2), np.zeros(3, np.float32), 0.0, 1.0)


def test_a_module_that_was_compiled_for_other_arguments_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernels._load() is kernels.compiled
    monkeypatch.setattr(kernels, "VERSION", kernels.VERSION + 1)
    assert kernels._load() is None


def test_a_position_beyond_the_end_is_refused(als: AlsModel) -> None:
    with pytest.raises(IndexError, match="beyond the end"):
        als._fold_in(np.array([N_ITEMS], np.int32), np.ones(1, np.float32))
    with pytest.raises(IndexError, match="beyond the end"):
        als._fold_in(np.array([-1], np.int32), np.ones(1, np.float32))

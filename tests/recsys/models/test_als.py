"""ALS: factors fitted by the library, users folded in by our own code."""

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from recsys.arrays import Floats, Ints, Longs, frozen
from recsys.data.dataset.histories import Histories, build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.models.als import FACTORS, MORE_FACTORS, Als, AlsModel
from recsys.models.event_weights import saturated
from recsys.testing import NOW, interactions_of, two_camps


def history_of(item: Ints | Longs, weight: Floats, n_items: int) -> Histories:
    """One user with these events, all of them now."""
    n = len(item)
    return build_histories(
        user=np.zeros(n, np.int32),
        item=item.astype(np.int32),
        at=np.full(n, NOW),
        weight=weight,
        kind=np.full(n, Kind.PURCHASE, np.int8),
        n_users=1,
        n_items=n_items,
        now=NOW,
    )


def random_model(n_items: int, factors: int, *, alpha: float, pull: float, seed: int) -> AlsModel:
    vectors = np.random.default_rng(seed).normal(0.05, 0.2, (n_items, factors)).astype(np.float32)
    return AlsModel(
        item_vectors=vectors,
        item_length=np.linalg.norm(vectors, axis=1),
        gram=vectors.T @ vectors,
        alpha=alpha,
        pull=pull,
        n_bought=n_items,
        half_life_days=90.0,
        saturation=1.2,
    )


@settings(deadline=None)
@given(
    seed=st.integers(0, 1_000),
    n=st.integers(1, 80),
    alpha=st.sampled_from([0.3, 1.0, 2.0, 40.0]),
    pull=st.sampled_from([0.001, 0.1]),
)
def test_the_fold_in_is_the_one_of_the_library_that_fitted(seed: int, n: int, alpha: float, pull: float) -> None:
    rng = np.random.default_rng(seed)
    model = random_model(100, 16, alpha=alpha, pull=pull, seed=seed)
    item = rng.permutation(100)[:n]
    weight = rng.uniform(0.01, 5, n).astype(np.float32)
    row = csr_matrix((saturated(weight, model.saturation), item, [0, n]), shape=(1, 100))
    hold = pull * (alpha * float(row.sum()) + 100)
    library = AlternatingLeastSquares(factors=16, alpha=alpha, regularization=hold, num_threads=1)
    library.item_factors = model.item_vectors.copy()
    expected = library.recalculate_user(0, row)

    vector = model.embed(history_of(item, weight, 100))[0]

    cosine = vector @ expected / (np.linalg.norm(vector) * np.linalg.norm(expected))
    assert cosine >= 0.999
    np.testing.assert_allclose(np.linalg.norm(vector), np.linalg.norm(expected), rtol=1e-2)


def test_the_fold_in_of_a_model_with_base_and_pull_per_item_solves_the_equations_of_spark() -> None:
    model = replace(random_model(60, 8, alpha=3.0, pull=0.0, seed=1), base=1.0, pull_per_item=0.4)
    item, weight = np.array([3, 7, 20, 41]), np.array([1.0, 2.5, -1.0, 0.2], np.float32)
    system, right = model.gram.astype(np.float64), np.zeros(8)
    for vector, r in zip(model.item_vectors[item].astype(np.float64), saturated(weight, 1.2).tolist(), strict=True):
        if r > 0:  # ALS.scala: numExplicits, c1 = alpha * r, b = 1 + c1
            system = system + 3.0 * r * np.outer(vector, vector) + 0.4 * np.eye(8)
            right += (1 + 3.0 * r) * vector

    np.testing.assert_allclose(
        model.embed(history_of(item, weight, 60))[0], np.linalg.solve(system, right), rtol=1e-4, atol=1e-6
    )


def test_an_unknown_user_is_shown_what_their_camp_buys() -> None:
    data = two_camps()
    model = Als(factors=2, regularization=0.1).fit(data, np.random.default_rng(0))

    scores = model.score(history_of(np.array([0, 2, 4]), np.ones(3, np.float32), data.n_items))[0]

    assert scores[0::2].min() > scores[1::2].max()


def test_the_similar_items_are_of_the_same_camp() -> None:
    model = Als(factors=8, regularization=0.1, alpha=2.0).fit(two_camps(), np.random.default_rng(0))

    near, cosine = model.similar(4, 5)

    assert len(near) == 5
    assert 4 not in near
    assert not (near % 2).any()
    assert (cosine <= 1.0001).all()
    assert (np.diff(cosine) <= 0).all()


def test_an_item_nobody_bought_has_no_vector_and_no_similar_items() -> None:
    user, item = np.array([0, 0, 1, 1], np.int32), np.array([0, 1, 0, 1], np.int32)
    model = Als(factors=4).fit(interactions_of(user, item, n_users=3, n_items=5), np.random.default_rng(0))

    near, _ = model.similar(3, 5)

    assert not model.item_vectors[2:].any()
    assert model.item_vectors[:2].any(axis=1).all()
    assert not len(near)


def test_an_item_only_returned_counts_as_unknown() -> None:
    model = random_model(20, 4, alpha=1.0, pull=0.1, seed=0)
    liked = history_of(np.array([1, 2]), np.ones(2, np.float32), 20)
    liked_and_returned = history_of(np.array([1, 2, 3]), np.array([1, 1, -1], np.float32), 20)

    np.testing.assert_allclose(model.embed(liked_and_returned), model.embed(liked), rtol=1e-6)


def test_the_same_seed_gives_the_same_vectors() -> None:
    first, second = (Als(factors=8).fit(two_camps(), np.random.default_rng(7)).item_vectors for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_arrays_mapped_from_a_file_are_never_written() -> None:
    fitted = Als(factors=8).fit(two_camps(), np.random.default_rng(0))
    model = AlsModel.from_arrays({name: frozen(array.copy()) for name, array in fitted.arrays().items()})
    histories = two_camps().histories

    np.testing.assert_array_equal(model.score(histories), fitted.score(histories))


@pytest.mark.parametrize("n", [0, 1, 300])
def test_a_user_is_folded_in_within_a_fraction_of_a_request(n: int) -> None:
    model = random_model(5_000, 64, alpha=1.0, pull=0.01, seed=0)
    histories = history_of(np.arange(n), np.ones(n, np.float32), 5_000)

    seconds = []
    for _ in range(50):
        started = perf_counter()
        model.embed(histories)
        seconds.append(perf_counter() - started)

    assert min(seconds) < 0.002


def test_auto_alpha_is_higher_the_fewer_items_users_have() -> None:
    sparse, dense = two_camps(n_items=40, share=0.3), two_camps(n_items=400, share=0.9)
    learnt = [Als(factors=8).fit(data, np.random.default_rng(0)) for data in (sparse, dense)]

    assert learnt[0].alpha > learnt[1].alpha >= 2.0
    strength = [model.pull * model.n_bought / model.alpha for model in learnt]
    assert strength[1] > strength[0]


def test_given_settings_are_not_replaced_by_auto_ones() -> None:
    loose, tight = (
        Als(factors=8, alpha=3.0, regularization=at).fit(two_camps(), np.random.default_rng(0)) for at in (1, 7)
    )

    assert loose.alpha == tight.alpha == 3.0
    assert tight.pull == pytest.approx(7 * loose.pull)


def sparse(n_users: int, n_items: int, each: int) -> Interactions:
    """So many items of each user, none twice."""
    rng = np.random.default_rng(0)
    item = np.concatenate([rng.choice(n_items, each, replace=False) for _ in range(n_users)]).astype(np.int32)
    user = np.repeat(np.arange(n_users, dtype=np.int32), each)
    return interactions_of(user, item, n_users=n_users, n_items=n_items)


@pytest.mark.parametrize(
    ("n_users", "n_items", "each", "factors"),
    [(2_000, 6_000, 8, MORE_FACTORS), (2_000, 900, 8, FACTORS), (150, 6_000, 60, FACTORS)],
)
def test_many_items_with_few_per_user_take_longer_vectors(n_users: int, n_items: int, each: int, factors: int) -> None:
    data = sparse(n_users, n_items, each)
    model = Als(iterations=1).fit(data, np.random.default_rng(0))
    assert model.item_vectors.shape == (n_items, factors)
    assert Als(factors=16, iterations=1).fit(data, np.random.default_rng(0)).item_vectors.shape == (n_items, 16)

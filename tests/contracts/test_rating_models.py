"""The contract of every rating model."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.arrays import Ints
from recsys.bundle import Manifest, open_bundle, write_bundle
from recsys.data.dataset.ratings import RatedItems, Ratings, build_ratings
from recsys.errors import NotEnoughData
from recsys.models.ratings.base import RatingModel
from recsys.models.ratings.registry import RATING_LEARNERS

NAMES = sorted(RATING_LEARNERS)
NOTHING = RatedItems(np.empty(0, np.int32), np.empty(0, np.float32))


def two_tastes(n_users: int = 60, n_items: int = 24, low: float = 1.0, high: float = 5.0) -> Ratings:
    """Even users like even items and dislike odd ones, odd users the reverse; two in three pairs are rated."""
    rng = np.random.default_rng(5)
    user, item = np.nonzero(rng.random((n_users, n_items)) < 0.67)
    likes = (user + item) % 2 == 0
    noise = rng.choice([0.0, 0.25], len(user))
    value = low + (high - low) * np.where(likes, 1 - noise, noise)
    return build_ratings(
        user.astype(np.int32), item.astype(np.int32), value.astype(np.float32), n_users=n_users, n_items=n_items
    )


def fitted(name: str, ratings: Ratings) -> RatingModel:
    return RATING_LEARNERS[name]().fit(ratings, np.random.default_rng(0))


def items(*positions: int) -> Ints:
    return np.array(positions, np.int32)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_saved_mapped_and_opened_again_predicts_the_same(name: str, tmp_path: Path) -> None:
    ratings = two_tastes()
    model = fitted(name, ratings)
    arrays = {f"ratings/{key}": array for key, array in model.arrays().items()}
    write_bundle(tmp_path / "one", arrays, Manifest(version="one", made_at_ms=0, now=0.0))
    again = type(model).from_arrays(open_bundle(tmp_path / "one").group("ratings"))
    np.testing.assert_array_equal(
        again.estimate(ratings.by_user(3), items(0, 5, 99)),
        model.estimate(ratings.by_user(3), items(0, 5, 99)),
    )


@pytest.mark.parametrize("name", NAMES)
def test_predictions_change_nothing_and_do_not_influence_each_other(name: str) -> None:
    ratings = two_tastes()
    model, rated = fitted(name, ratings), ratings.by_user(7)
    before = {key: array.copy() for key, array in model.arrays().items()}
    together = model.estimate(rated, items(4, 9, 2))
    alone = [model.estimate(rated, items(item))[0] for item in (4, 9, 2)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    for key, array in model.arrays().items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_learns_the_same(name: str) -> None:
    ratings = two_tastes()
    first, second = (fitted(name, ratings).estimate(ratings.by_user(0), items(1, 2, 3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_a_user_without_ratings_gets_the_average_opinion(name: str) -> None:
    ratings = two_tastes()
    model, average = fitted(name, ratings), ratings.value.mean()
    predictions = model.predict(NOTHING, items(0, 1, 2, 3))
    assert predictions.dtype == np.float32
    np.testing.assert_allclose(predictions, average, atol=0.7)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_item_gets_the_level_of_the_user(name: str) -> None:
    user, item = (column.ravel().astype(np.int32) for column in np.indices((30, 12)))
    # Each user rates all items alike, at a level of their own.
    ratings = build_ratings(user, item, (1 + user % 5).astype(np.float32), n_users=30, n_items=12)
    model = fitted(name, ratings)
    low, high = (float(model.predict(ratings.by_user(user), items(12))[0]) for user in (0, 4))
    assert low < 2
    assert high > 4


@pytest.mark.parametrize("name", NAMES)
def test_a_rating_of_an_unknown_item_does_no_harm(name: str) -> None:
    ratings = two_tastes()
    model, rated = fitted(name, ratings), ratings.by_user(3)
    later = rated.with_later(RatedItems(items(500), np.array([1.0], np.float32)))
    np.testing.assert_array_equal(model.estimate(later, items(0, 1)), model.estimate(rated, items(0, 1)))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "baseline"])
def test_new_ratings_count_at_once_without_a_new_training(name: str) -> None:
    model = fitted(name, two_tastes())
    loves_even = RatedItems(items(0, 1, 2, 3, 4, 5), np.array([5, 1, 5, 1, 5, 1], np.float32))
    even, odd = model.predict(loves_even, items(10, 11))
    assert even > 4
    assert odd < 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("low", "high"), [(1.0, 10.0), (0.5, 5.0), (-10.0, 10.0), (3.0, 3.0)])
def test_predictions_stay_on_the_scale_of_the_training(name: str, low: float, high: float) -> None:
    ratings = two_tastes(low=low, high=high)
    model = fitted(name, ratings)
    everything = np.arange(30, dtype=np.int32)
    predictions = np.concatenate([model.predict(ratings.by_user(user), everything) for user in range(10)])
    assert predictions.min() >= low
    assert predictions.max() <= high


@pytest.mark.parametrize("name", NAMES)
def test_a_scale_twice_as_wide_gives_predictions_twice_as_wide(name: str) -> None:
    narrow, wide = two_tastes(low=1, high=5), two_tastes(low=10, high=50)
    predictions = [fitted(name, ratings).predict(ratings.by_user(1), items(0, 3, 8)) for ratings in (narrow, wide)]
    np.testing.assert_allclose(10 * predictions[0], predictions[1], rtol=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_fitting_without_ratings_is_refused(name: str) -> None:
    nothing = build_ratings(items(), items(), np.empty(0, np.float32), n_users=2, n_items=3)
    with pytest.raises(NotEnoughData, match="no ratings"):
        fitted(name, nothing)


few = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-3, 3)), min_size=1, max_size=12)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(rows=few)
def test_every_prediction_is_finite_however_few_ratings_there_are(name: str, rows: list[tuple[int, int, int]]) -> None:
    user, item, value = (np.array(column) for column in zip(*rows, strict=True))
    ratings = build_ratings(
        user.astype(np.int32), item.astype(np.int32), value.astype(np.float32), n_users=5, n_items=5
    )
    model = fitted(name, ratings)
    predictions = np.concatenate(
        [model.predict(ratings.by_user(user), np.arange(6, dtype=np.int32)) for user in range(5)]
    )
    assert np.isfinite(predictions).all()
    assert predictions.min() >= value.min()
    assert predictions.max() <= value.max()

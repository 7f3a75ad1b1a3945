"""Hyperparameter search: beats poor defaults, keeps good ones, and continues where it stopped."""

from pathlib import Path

import numpy as np
import pytest

from recsys.learning.holdout import last_weeks
from recsys.learning.hyperparameter_search import Search, tune
from recsys.learning.validation import Validation, validation_users
from recsys.models.popularity import Popularity
from recsys.models.registry import LEARNERS
from recsys.testing import NOW, interactions_of


def fashions(n_users: int = 220, days: int = 400) -> Validation:
    """Each user takes an item every ten days, of the 25 items that are in fashion for forty days."""
    rng = np.random.default_rng(4)
    user, visit = np.divmod(np.arange(n_users * (days // 10)), days // 10)
    ago = 10.0 * visit + 5 * rng.random(len(user))
    item = 25 * (ago // 40).astype(int) + np.minimum(rng.geometric(0.2, len(user)) - 1, 24)
    data = interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=250, at=NOW - ago)
    holdout = last_weeks(data, 10)
    return Validation(holdout.past, validation_users(holdout, np.random.default_rng(0), 240), only_new=True)


@pytest.fixture(scope="module")
def validation() -> Validation:
    return fashions()


def test_a_poor_default_is_replaced(validation: Validation) -> None:
    result = tune("popularity", {"window_days": float("inf")}, validation, Search(60, max_trials=8))
    slow = validation.quality(
        Popularity(half_life_days=float("inf")).fit(validation.past, np.random.default_rng(0))
    ).mean()
    assert result.learner != Popularity(half_life_days=float("inf"))
    assert result.reached >= result.default > slow


def test_a_given_setting_is_not_searched(validation: Validation) -> None:
    seen = []
    result = tune(
        "popularity",
        {"half_life_days": 1e6},
        validation,
        Search(60, max_trials=4),
        lambda *progress: seen.append(progress),
    )
    assert seen == []
    assert (result.params, result.is_better) == ({"half_life_days": 1e6}, False)


def test_defaults_stay_where_nothing_beats_them_beyond_noise(validation: Validation) -> None:
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(60, dtype=np.int32), 8)
    item = rng.integers(0, 500, len(user)).astype(np.int32)
    at = NOW - np.tile(np.arange(8) * 8.0 + 1, 60)
    holdout = last_weeks(interactions_of(user, item, n_users=60, n_items=500, at=at), 14)
    chance = Validation(holdout.past, validation_users(holdout, rng, 60), only_new=True)
    result = tune("graph_walk", {}, chance, Search(60, max_trials=6))
    assert not result.is_better
    assert result.learner == LEARNERS["graph_walk"]()


def test_a_search_goes_on_where_it_stopped_and_starts_anew_on_other_data(
    validation: Validation, tmp_path: Path
) -> None:
    file = tmp_path / "tuning.log"
    first = tune("popularity", {}, validation, Search(60, file=file, max_trials=3))
    again = tune("popularity", {}, validation, Search(60, file=file, max_trials=2))
    assert again.n_tried == first.n_tried + 2
    assert again.reached >= first.reached
    few = Validation(validation.past, validation.users.first(50), only_new=True)
    assert tune("popularity", {}, few, Search(60, file=file, max_trials=1)).n_tried == first.n_tried - 2


def test_the_same_seed_tries_the_same_settings(validation: Validation) -> None:
    runs = []
    for seed in (1, 1, 2):
        seen: list[float] = []
        search = Search(60, seed, max_trials=4)
        tune("graph_walk", {}, validation, search, lambda _s, _n, best, seen=seen: seen.append(best))  # type: ignore[misc]
        runs.append(seen)
    assert runs[0] == runs[1]
    assert len(runs[2]) == 4


def test_without_time_nothing_is_tried(validation: Validation) -> None:
    result = tune("item_neighbours", {}, validation, Search(0))
    assert result.n_tried == 1
    assert not result.is_better

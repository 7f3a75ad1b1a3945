"""Half-life selection: short where tastes change, long where they stay, none where all events share one moment."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.dataset.interactions import Interactions
from recsys.learning.half_life import longest_days, with_best_half_life, with_days
from recsys.learning.holdout import last_weeks, random_parts
from recsys.learning.validation import Validation, validation_users
from recsys.models.ease import Ease
from recsys.models.item_neighbours import ItemNeighbours
from recsys.models.popularity import Popularity
from recsys.models.user_neighbours import UserNeighbours
from recsys.testing import NOW, interactions_of, two_camps

DEFAULT = UserNeighbours(recent_days=56, vote_half_life_days=28, half_life_days=90)


def validation_of(data: Interactions) -> Validation:
    holdout = last_weeks(data, 28)
    return Validation(holdout.past, validation_users(holdout, np.random.default_rng(0), 200), only_new=True)


def shop(*, n_fashions: int, n_users: int = 120, years: float = 2.0) -> Interactions:
    """Each user takes one of 200 items every ten days; with several fashions, only items of the current one."""
    rng = np.random.default_rng(4)
    user, visit = np.divmod(np.arange(n_users * int(36 * years)), int(36 * years))
    ago = 10.0 * visit + 5 * rng.random(len(user))
    fashion = np.minimum((n_fashions * ago / (365 * years)).astype(int), n_fashions - 1)
    width = 200 // n_fashions
    item = fashion * width + np.minimum(rng.geometric(0.05, len(user)) - 1, width - 1)
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=200, at=NOW - ago)


def test_where_fashions_come_and_go_the_model_forgets() -> None:
    learner, half_life = with_best_half_life(
        Popularity(half_life_days=inf), validation_of(shop(n_fashions=8)), np.random.default_rng(0)
    )
    assert half_life is not None
    assert half_life.days < 200
    assert longest_days(learner) == half_life.days


def test_where_nothing_changes_a_short_default_half_life_is_replaced() -> None:
    validation = validation_of(shop(n_fashions=1))
    learner, half_life = with_best_half_life(Popularity(half_life_days=0.5), validation, np.random.default_rng(0))
    assert half_life is not None
    assert half_life.days > 10
    quality = [
        validation.quality(model.fit(validation.past, np.random.default_rng(0))).mean()
        for model in (learner, Popularity(0.5))
    ]
    assert quality[0] > quality[1]


def test_best_sellers_try_every_half_life_and_few_users_suffice_where_the_gain_is_large() -> None:
    validation = validation_of(shop(n_fashions=1, n_users=12))
    learner, half_life = with_best_half_life(Popularity(half_life_days=2), validation, np.random.default_rng(0))
    assert half_life is not None
    assert inf in half_life.tried
    assert half_life.tried[half_life.days] == max(half_life.tried.values()) > 1.1 * half_life.tried[2]
    assert longest_days(learner) == half_life.days


def test_events_of_one_moment_need_no_half_life() -> None:
    data = shop(n_fashions=1)
    still = replace(data, histories=replace(data.histories, at=np.full(len(data.histories.at), NOW - 40)))
    learner, half_life = with_best_half_life(
        ItemNeighbours(half_life_days=90, history_half_life_days=90), validation_of(still), np.random.default_rng(0)
    )
    assert half_life is not None
    assert half_life.days == inf
    assert isinstance(learner, ItemNeighbours)
    assert (learner.half_life_days, learner.history_half_life_days) == (inf, inf)


def test_all_half_lives_are_scaled_alike() -> None:
    longer = with_days(DEFAULT, 180.0)
    assert longer == UserNeighbours(recent_days=112, vote_half_life_days=56, half_life_days=180)


def test_a_learner_that_never_forgets_is_given_a_half_life_and_keeps_its_open_window() -> None:
    assert with_days(Ease(), 30.0) == Ease(half_life_days=30.0)
    assert with_days(Popularity(half_life_days=inf), 30.0) == Popularity(half_life_days=30.0)


@given(days=st.one_of(st.floats(0.01, 1e4), st.just(inf)))
def test_the_longest_half_life_becomes_the_given_one(days: float) -> None:
    assert longest_days(with_days(DEFAULT, days)) == pytest.approx(days)


def test_auto_half_lives_are_all_set_to_the_given_one() -> None:
    given = with_days(UserNeighbours(), 30.0)
    assert given == UserNeighbours(recent_days=30.0, vote_half_life_days=30.0, half_life_days=30.0)
    assert longest_days(UserNeighbours(), tempo=40.0) == 40.0
    assert with_days(UserNeighbours(), inf) == UserNeighbours(
        recent_days=inf, vote_half_life_days=inf, half_life_days=inf
    )


def test_what_is_held_back_at_random_is_as_old_as_what_is_known_so_nothing_is_forgotten() -> None:
    data = two_camps()
    holdout = random_parts(data, np.random.default_rng(0))
    users = validation_users(holdout, np.random.default_rng(0), 40)
    timeless = Validation(holdout.past, users, only_new=True, is_timeless=True)
    learner, half_life = with_best_half_life(Popularity(), timeless, np.random.default_rng(0))
    assert half_life is not None
    assert (half_life.days, half_life.tried) == (np.inf, {})
    assert longest_days(learner) == np.inf

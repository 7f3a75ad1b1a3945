"""Fitting: how much is bought again, how lists are blended, and that nothing held back is learned from."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.learning import fit
from recsys.learning.fit import _extra_splits, _final_splits, _select, repeat_share
from recsys.learning.holdout import Holdout, last_weeks, random_parts
from recsys.learning.recipe import Plan
from recsys.learning.validation import ValidationUsers, validation_users
from recsys.models.registry import learner
from recsys.testing import NOW, interactions_of


def quietly(_name: str) -> AbstractContextManager[None]:
    return nullcontext()


def data_of(rows: Sequence[tuple[int, int, float]], n_users: int, n_items: int) -> Interactions:
    """Purchases as (customer, item, days ago)."""
    user, item, ago = (np.array(column) for column in zip(*rows, strict=True))
    return interactions_of(
        user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=n_items, at=NOW - ago.astype(float)
    )


def test_the_repeat_share_counts_pairs_of_customers_who_had_a_past() -> None:
    rows = [(0, 0, 40), (0, 0, 5), (0, 1, 4), (0, 1, 3), (1, 2, 3), (2, 3, 50)]
    assert repeat_share(last_weeks(data_of(rows, 3, 4), 28)) == pytest.approx(0.5)


def test_without_later_purchases_the_repeat_share_is_zero() -> None:
    assert repeat_share(last_weeks(data_of([(0, 0, 40), (1, 1, 50)], 2, 2), 28)) == 0.0


def blend_of(data: Interactions, days: float = 28.0) -> dict[str, float]:
    names = ("popularity", "item_neighbours", "user_neighbours", "als", "buy_again")
    plan = Plan({name: learner(name, {}) for name in names}, {}, days)
    return dict(_select(data, plan, np.random.default_rng(0), quietly).choice.blend)


def test_camps_are_discovered_by_those_who_shop_alike_not_by_best_sellers() -> None:
    rng = np.random.default_rng(5)
    rows = [
        (user, int(item), float(ago))
        for user in range(80)
        for item, ago in zip(rng.permutation(np.arange(user % 2, 60, 2))[:14], np.linspace(80, 1, 14), strict=True)
    ]
    weights = blend_of(data_of(rows, 80, 60))
    assert weights["popularity"] < 0.5
    assert sum(weights.values()) == pytest.approx(1.0)


def test_a_shop_too_young_to_hold_weeks_back_blends_in_equal_parts() -> None:
    weights = blend_of(data_of([(0, 0, 3), (1, 1, 2), (2, 0, 1)], 3, 2))
    assert set(weights.values()) == {0.25}


def test_a_shop_in_which_everybody_comes_once_learns_its_blend_all_the_same() -> None:
    rng = np.random.default_rng(5)
    rows = [
        (user, int(item), 1.0 + user % 7)
        for user in range(80)
        for item in rng.permutation(np.arange(user % 2, 60, 2))[:14]
    ]
    assert blend_of(data_of(rows, 80, 60))["popularity"] < 0.25


def split_at_random(n_users: int) -> tuple[Interactions, Holdout, ValidationUsers]:
    rows = [(user, (7 * user + 3 * step) % 40, 10.0) for user in range(n_users) for step in range(6)]
    data, rng = data_of(rows, n_users, 40), np.random.default_rng(0)
    holdout = random_parts(data, rng)
    return data, holdout, validation_users(holdout, rng, 2_000)


def test_with_few_users_further_random_splits_are_made_and_no_held_back_event_is_learned_from() -> None:
    data, holdout, users = split_at_random(100)
    again = _extra_splits(data, holdout, users, Plan({}, {}), np.random.default_rng(1))
    assert len(again) == 3
    parts = [holdout.later.item.tolist(), *(other.later.item.tolist() for other, _ in again)]
    assert len({tuple(part) for part in parts}) == 4
    for other, other_users in again:
        assert len(other.past.histories.item) + len(other.later.item) == len(data.histories.item)
        assert len(other_users) == 100


def test_enough_users_or_much_data_need_no_further_split(monkeypatch: pytest.MonkeyPatch) -> None:
    data, holdout, users = split_at_random(100)
    monkeypatch.setattr(fit, "FEW_USERS", 150)
    assert _extra_splits(data, holdout, users, Plan({}, {}), np.random.default_rng(1)) == []
    monkeypatch.undo()
    monkeypatch.setattr(fit, "SAMPLE_EVENTS", 500)
    assert _extra_splits(data, holdout, users, Plan({}, {}), np.random.default_rng(1)) == []


def test_finalists_are_judged_by_the_other_users_and_by_further_random_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data, holdout, users = split_at_random(100)
    monkeypatch.setattr(fit, "MAX_USERS", 80)
    monkeypatch.setattr(fit, "FINAL_USERS", 450)
    splits = list(_final_splits(data, holdout, users, 100, np.random.default_rng(1)))
    assert [len(others) for _, others in splits] == [20, 80, 80]
    assert splits[0][0] is holdout
    assert splits[0][1].after[0].tolist() == users.after[80].tolist()
    assert splits[1][0].later.item.tolist() != splits[2][0].later.item.tolist()


def test_finalists_of_much_data_or_of_the_last_weeks_get_no_random_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data, holdout, users = split_at_random(100)
    rng = np.random.default_rng(1)
    assert list(_final_splits(data, last_weeks(data, 7.0), users, 0, rng)) == []
    monkeypatch.setattr(fit, "SAMPLE_EVENTS", 500)
    assert list(_final_splits(data, holdout, users, 0, rng)) == []


def test_few_users_of_the_last_days_are_joined_by_those_of_the_days_before() -> None:
    rows = [(user, (7 * user + day) % 40, 1.0 + day) for user in range(100) for day in range(60)]
    data, rng, plan = data_of(rows, 100, 40), np.random.default_rng(0), Plan({}, {}, validation_days=7.0)
    holdout = last_weeks(data, 7.0)
    again = _extra_splits(data, holdout, validation_users(holdout, rng, 2_000), plan, rng)
    begins = [other.later.at.min() for other, _ in again]
    assert begins == [holdout.later.at.min() - 7.0 * n for n in (1, 2, 3)]
    assert all(other.past.histories.at.max() < other.later.at.min() for other, _ in again)

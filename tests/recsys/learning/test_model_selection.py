"""A spare model is made where new things are found better with it, and a blend is as good as its best part."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.learning.buy_again_selection import quality, select_buy_again
from recsys.learning.holdout import Holdout, held_back, last_parts, last_weeks
from recsys.learning.model_selection import FEW_EVENTS, ModelChoice, sample_of, select_models
from recsys.learning.plan import Plan
from recsys.learning.validation import (
    LENGTH,
    Validation,
    ValidationUsers,
    candidates,
    is_better,
    list_ndcg,
    validation_users,
)
from recsys.models.base import Learner, Model
from recsys.models.blend import blended
from recsys.models.buy_again import BuyAgain
from recsys.models.candidates import Candidates, best
from recsys.models.registry import LEARNERS
from recsys.testing import NOW, interactions_of

NOISE = 0.03  # what 240 judges with two things each cannot choose by
HOUSE = ("item_neighbours", "user_neighbours", "als", "popularity")


def quietly(_name: str) -> AbstractContextManager[None]:
    return nullcontext()


def camps(n_camps: int, n_users: int = 240, n_items: int = 120, taken: int = 12, seed: int = 0) -> Interactions:
    """Everybody takes things of their camp, one a day; the lower the number of a thing, the more want it."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        mine = np.arange(user % n_camps, n_items, n_camps)
        chosen = rng.choice(mine, min(taken, len(mine)), replace=False, p=_falling(len(mine)))
        rows += [(user, item, NOW - day - 1) for day, item in enumerate(chosen)]
    users, items, at = (np.array(column) for column in zip(*rows, strict=True))
    return interactions_of(users.astype(np.int32), items.astype(np.int32), n_users=n_users, n_items=n_items, at=at)


def _falling(n: int) -> np.ndarray:
    share = 1 / np.arange(2, n + 2)
    return np.asarray(share / share.sum())


def chosen(data: Interactions, house: Sequence[str], spare: Sequence[str], seconds: float = 1e9) -> ModelChoice:
    plan = Plan({name: LEARNERS[name]() for name in house}, {}, spare=spares(spare), spare_seconds=seconds)
    held = last_parts(data, np.random.default_rng(0))
    panel = validation_users(held, np.random.default_rng(0), 300)
    return select_models(held, panel, plan, np.random.default_rng(0), quietly)


def spares(names: Sequence[str]) -> Mapping[str, Learner]:
    return {name: LEARNERS[name]() for name in names}


def test_a_spare_model_that_finds_what_the_others_do_not_is_made() -> None:
    choice = chosen(camps(6), ["popularity"], ["graph_walk"])
    assert set(choice.learners) == {"popularity", "graph_walk"}
    assert choice.blend["graph_walk"] > 0.5
    assert choice.left_out == {}


def test_a_spare_model_that_adds_nothing_is_not_made_and_says_so() -> None:
    choice = chosen(camps(1), ["popularity"], ["item_neighbours", "graph_walk"])
    assert set(choice.learners) == {"popularity"}
    assert set(choice.left_out) == {"item_neighbours", "graph_walk"}
    assert "% to the list" in choice.left_out["graph_walk"]


def test_a_gain_that_few_judges_cannot_be_sure_of_is_told_as_that() -> None:
    choice = chosen(camps(4, n_users=24, seed=1), ["item_neighbours"], ["graph_walk", "sequence"])
    assert set(choice.learners) == {"item_neighbours"}
    why = choice.left_out["graph_walk"]
    assert float(why.removeprefix("adds ").split(" %")[0]) > 1
    assert why.endswith("but 24 judges are too few to be sure of it")


def test_a_gain_below_what_is_asked_for_says_what_that_is() -> None:
    choice = chosen(camps(1), ["popularity"], ["item_neighbours", "graph_walk"])
    why = choice.left_out["graph_walk"]
    gain, asked = (float(part.split()[-1]) for part in why.split(" %")[:2])
    assert gain < asked <= 1
    assert why.endswith("are asked for")


def test_spare_models_that_make_the_list_worse_are_told_to() -> None:
    choice = chosen(camps(1, n_users=12, seed=1), ["user_neighbours"], ["graph_walk", "sequence"])
    assert set(choice.learners) == {"user_neighbours"}
    assert choice.left_out["graph_walk"].startswith("takes 1")
    assert choice.left_out["graph_walk"].endswith(" % from the list, with all other spare ones")


def test_without_time_no_spare_model_is_tried() -> None:
    choice = chosen(camps(6), ["popularity"], ["graph_walk"], seconds=0)
    assert choice.left_out["graph_walk"].startswith("no time")
    assert choice.blend == {"popularity": 1.0}


@pytest.mark.parametrize("seed", range(3))
def test_a_blend_is_never_worse_than_its_best_part_beyond_noise(seed: int) -> None:
    later = last_parts(camps(5, seed=seed), np.random.default_rng(seed))
    choice = chosen(later.past, HOUSE, ["ease", "graph_walk"])
    panel = validation_users(later, np.random.default_rng(seed), 300)
    parts = {name: lists(one, later, panel) for name, one in choice.learners.items() if name in choice.blend}
    blend = [
        blended([(part[q], choice.blend[name]) for name, part in parts.items()], LENGTH) for q in range(len(panel))
    ]
    reached = list_ndcg(blend, panel.new)
    assert reached.mean() > 0.1
    assert [name for name, part in parts.items() if is_better(list_ndcg(part, panel.new), reached, by=NOISE)] == []


def lists(learner: Learner, later: Holdout, panel: ValidationUsers) -> list[Candidates]:
    model: Model = learner.fit(later.past, np.random.default_rng(0))
    return candidates(model, panel, only_new=True, depth=50)


def test_a_sample_is_whole_customers_and_small_data_are_not_sampled() -> None:
    small = camps(2)
    assert sample_of(small, np.random.default_rng(0)) is small
    n_users, each, few = 1_000, 40, 10_000
    assert len(small.histories.item) < few < FEW_EVENTS
    user = np.repeat(np.arange(n_users, dtype=np.int32), each)
    large = interactions_of(user, np.tile(np.arange(each, dtype=np.int32), n_users), n_users=n_users, n_items=each)
    lengths = np.diff(sample_of(large, np.random.default_rng(0), few).histories.offsets)
    assert set(lengths) == {0, each}
    assert 0.7 * few < lengths.sum() < 1.3 * few


def test_what_was_settled_keeps_its_half_life() -> None:
    data = camps(3)
    held = held_back(data, 28, np.random.default_rng(0), parting="chance")
    panel = validation_users(held, np.random.default_rng(0), 300)
    plan = Plan({"popularity": LEARNERS["popularity"]()}, {}, settled=frozenset({"popularity"}))
    free = replace(plan, settled=frozenset[str]())
    assert select_models(held, panel, plan, np.random.default_rng(0), quietly).paces == {}
    assert set(select_models(held, panel, free, np.random.default_rng(0), quietly).paces) == {"popularity"}


def again_in_fashion(*, follows: bool) -> Interactions:
    """Everybody had twelve things, most in a pair; what they buy again is in fashion lately, or any of them."""
    rng = np.random.default_rng(4)
    rows = [(user, item, NOW - 5 - 15 * rng.random()) for user in range(300, 340) for item in range(12)]
    for user in range(300):
        had = rng.choice(60, 12, replace=False)
        twice = had[had >= 12] if follows else had
        rows += [(user, item, NOW - 100) for item in (*had, *twice)]
        again = had[had < 12] if follows else rng.choice(had, 3, replace=False)
        rows += [(user, item, NOW - 1) for item in again]
    users, items, at = (np.array(column) for column in zip(*rows, strict=True))
    return interactions_of(users.astype(np.int32), items.astype(np.int32), n_users=340, n_items=60, at=at)


@pytest.mark.parametrize(("follows", "demand_power"), [(True, 0.3), (False, 0.07)])
def test_the_way_of_buying_again_is_the_one_that_the_shop_shows(follows: bool, demand_power: float) -> None:
    learners = {name: LEARNERS[name]() for name in ("popularity", "buy_again")}
    held = last_weeks(again_in_fashion(follows=follows), 3)
    panel = validation_users(held, np.random.default_rng(0), 300)
    choice = select_models(held, panel, Plan(learners, {}), np.random.default_rng(0), quietly)
    again = choice.learners["buy_again"]
    assert isinstance(again, BuyAgain)
    assert again.demand_power == demand_power
    assert choice.habit["as set"] > 0


def test_pace_and_way_of_buying_again_are_chosen_together() -> None:
    """Favourites change every few days: neither another half-life alone nor another way alone finds out so much."""
    rng, rows = np.random.default_rng(2), []
    for user in range(400):
        now = rng.choice(60, 8, replace=False)
        for day in range(60, 0, -3):
            now[rng.integers(8)] = rng.integers(60)
            rows += [(user, int(item), NOW - day) for item in set(rng.choice(now, 4, replace=False).tolist())]
    users, items, at = (np.array(column) for column in zip(*rows, strict=True))
    data = interactions_of(users.astype(np.int32), items.astype(np.int32), n_users=400, n_items=60, at=at)
    held = last_weeks(data, 4)
    trial = Validation(held.past, validation_users(held, np.random.default_rng(0), 400), only_new=False)
    usual = BuyAgain()
    found = select_buy_again(usual, trial, np.random.default_rng(0))
    assert found.learner.half_life_days < 30
    assert found.pace.days == found.learner.half_life_days
    alone = [replace(usual, half_life_days=found.pace.days), replace(found.learner, half_life_days=90.0)]
    reached = [quality(one, trial, 0).mean() for one in (found.learner, *alone, usual)]
    assert reached[0] == max(reached) > 1.05 * reached[-1]


def test_where_nothing_beats_the_usual_way_of_buying_again_it_stays() -> None:
    held = last_weeks(again_in_fashion(follows=False), 3)
    trial = Validation(held.past, validation_users(held, np.random.default_rng(0), 300), only_new=False)
    assert select_buy_again(BuyAgain(), trial, np.random.default_rng(0)).learner == BuyAgain()


def test_own_items_make_the_same_list_as_scores_for_everything() -> None:
    held = last_weeks(again_in_fashion(follows=True), 3)
    panel = validation_users(held, np.random.default_rng(0), 50)
    model = BuyAgain().fit(held.past, np.random.default_rng(0))
    found = candidates(model, panel, only_new=False, depth=10)
    for part, scores in zip(found, model.score(panel.histories), strict=True):
        expected = best(scores, np.ones(len(scores), bool), 10)
        np.testing.assert_array_equal(part.items, expected.items)
        np.testing.assert_allclose(part.scores, expected.scores)

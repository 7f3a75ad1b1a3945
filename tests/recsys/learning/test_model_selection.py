"""Model selection: an optional model is used where lists of new items improve; a blend is as good as its best part."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.learning import model_selection
from recsys.learning.buy_again_selection import quality, select_buy_again
from recsys.learning.holdout import Holdout, hold_out, last_parts, last_weeks, random_parts
from recsys.learning.model_selection import SAMPLE_EVENTS, ModelChoice, draw_sample, select_models
from recsys.learning.recipe import Plan
from recsys.learning.selection import budget, finalists
from recsys.learning.validation import (
    LIST_LENGTH,
    Validation,
    ValidationUsers,
    candidate_lists,
    is_better,
    list_ndcg,
    validation_users,
)
from recsys.models.base import Learner, Model
from recsys.models.buy_again import BuyAgain
from recsys.models.candidates import Candidates, best, blended
from recsys.models.registry import LEARNERS
from recsys.testing import NOW, interactions_of

NOISE = 0.03  # what 240 users with two items each cannot tell apart
DEFAULTS = ("item_neighbours", "user_neighbours", "als", "popularity")


def quietly(_name: str) -> AbstractContextManager[None]:
    return nullcontext()


def camps(
    n_camps: int, n_users: int = 240, n_items: int = 120, taken: int = 12, seed: int = 0, n_unsold: int = 0
) -> Interactions:
    """Each user takes items of their camp, one a day; items with lower numbers are more popular."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        mine = np.arange(user % n_camps, n_items, n_camps)
        chosen = rng.choice(mine, min(taken, len(mine)), replace=False, p=_falling(len(mine)))
        rows += [(user, item, NOW - day - 1) for day, item in enumerate(chosen)]
    users, items, at = (np.array(column) for column in zip(*rows, strict=True))
    n_items += n_unsold
    return interactions_of(users.astype(np.int32), items.astype(np.int32), n_users=n_users, n_items=n_items, at=at)


def _falling(n: int) -> np.ndarray:
    share = 1 / np.arange(2, n + 2)
    return np.asarray(share / share.sum())


def chosen(
    data: Interactions,
    defaults: Sequence[str],
    optional: Sequence[str],
    seconds: float = 1e9,
    steps: list[str] | None = None,
    more: Sequence[tuple[Holdout, ValidationUsers]] = (),
    last_look: Sequence[tuple[Holdout, ValidationUsers]] = (),
) -> ModelChoice:
    plan = Plan(
        {name: LEARNERS[name]() for name in defaults},
        {},
        optional=optional_learners(optional),
        optional_seconds=seconds,
    )
    holdout = last_parts(data, np.random.default_rng(0))
    users = validation_users(holdout, np.random.default_rng(0), 300)

    def step(name: str) -> AbstractContextManager[None]:
        if steps is not None:
            steps.append(name)
        return nullcontext()

    return select_models(holdout, users, plan, np.random.default_rng(0), step, more=more, last_look=last_look)


def optional_learners(names: Sequence[str]) -> Mapping[str, Learner]:
    return {name: LEARNERS[name]() for name in names}


def test_an_optional_model_that_finds_what_the_others_do_not_is_used() -> None:
    choice = chosen(camps(6), ["popularity"], ["graph_walk"])
    assert set(choice.learners) == {"popularity", "graph_walk"}
    assert choice.blend["graph_walk"] > 0.5
    assert choice.left_out == {}


def tried(
    monkeypatch: pytest.MonkeyPatch, seconds: float, sample_events: int = SAMPLE_EVENTS
) -> tuple[ModelChoice, list[str]]:
    """Of a shop with 2,880 events in which every learner costs 1 s of CPU for 1,000 events, and the steps that fit."""
    monkeypatch.setattr(model_selection, "SAMPLE_EVENTS", sample_events)
    monkeypatch.setattr(draw_sample, "__defaults__", (sample_events,))
    monkeypatch.setattr(budget, "foretold_seconds", lambda _learner, size: size.events / 1_000)
    steps = list[str]()
    choice = chosen(camps(6), ["popularity"], ["graph_walk"], seconds, steps)
    return choice, [step for step in steps if step.startswith(("look", "sample", "try"))]


def test_what_the_budget_allows_is_judged_on_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    choice, steps = tried(monkeypatch, 100.0)
    assert choice.blend["graph_walk"] > 0.5
    assert steps == ["try popularity", "try graph_walk"]


def test_what_would_cost_more_is_judged_by_a_sample_of_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    choice, steps = tried(monkeypatch, 3.5, sample_events=700)
    assert choice.blend["graph_walk"] >= 0.5
    assert steps == [
        "look at popularity",
        "look at graph_walk",
        "sample popularity",
        "sample graph_walk",
        "try popularity",
        "try graph_walk",  # what is chosen is learnt from everything
    ]


def test_small_data_need_no_sample_for_what_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(monkeypatch, 3.5)[1] == ["try popularity", "try graph_walk"]


def test_a_model_that_a_sample_does_not_show_to_be_worse_is_learnt_from_everything_where_it_can_be_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model_selection, "total_seconds", lambda _learners, size: size.events)  # too much for all
    monkeypatch.setattr(model_selection, "with_best_half_life", lambda learner, *_: (learner, None))
    monkeypatch.setitem(LEARNERS, "graph_walk", LEARNERS["popularity"])  # the same lists as another model's
    choice, steps = tried(monkeypatch, 100.0, sample_events=700)
    assert steps[-2:] == ["try popularity", "try graph_walk"]
    assert choice.blend == {"popularity": 1.0}
    choice, steps = tried(monkeypatch, 3.5, sample_events=700)
    assert steps[-2:] == ["sample graph_walk", "try popularity"]
    assert choice.left_out["graph_walk"].startswith("adds 0.0 %")


def test_the_cost_and_not_the_clock_decides_what_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no time" in tried(monkeypatch, 2.0)[0].left_out["graph_walk"]
    assert tried(monkeypatch, 100.0)[0].left_out == {}


def test_what_could_not_be_learnt_from_everything_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_selection, "foretold_seconds", lambda _learner, size: size.events / 1_000)
    choice, steps = tried(monkeypatch, 2.0, sample_events=700)
    assert "learning it takes about 2 s of CPU, spare models may take 2 s" in choice.left_out["graph_walk"]
    assert steps == ["try popularity"]


@dataclass(frozen=True)
class Endless:
    """A learner whose fit never ends where there are that many users; of fewer it learns what sells."""

    n_users: int = 0

    def fit(self, data: Interactions, rng: np.random.Generator) -> Model:
        while data.n_users >= self.n_users:
            pass
        return LEARNERS["popularity"]().fit(data, rng)


def test_a_fit_that_costs_far_more_than_foretold_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "LEAST_LIMIT_S", 0.02)
    data, rng = camps(4, n_users=80), np.random.default_rng(0)
    holdout = last_parts(data, rng)
    plan = Plan({"popularity": LEARNERS["popularity"]()}, {}, optional={"content": Endless()}, optional_seconds=10.0)
    choice = select_models(holdout, validation_users(holdout, rng, 80), plan, rng, quietly)
    assert "broken off after 0.02" in choice.left_out["content"]
    assert choice.blend == {"popularity": 1.0}


def test_a_fit_from_a_further_held_back_part_is_broken_off_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "LEAST_LIMIT_S", 0.02)
    rng = np.random.default_rng(0)
    first, further = (last_parts(camps(4, n_users=n), rng) for n in (60, 80))
    plan = Plan({"popularity": LEARNERS["popularity"]()}, {}, optional={"content": Endless(80)}, optional_seconds=10.0)
    more = [(further, validation_users(further, rng, 80))]
    choice = select_models(first, validation_users(first, rng, 60), plan, rng, quietly, more=more)
    assert "broken off after 0.02" in choice.left_out["content"]
    assert choice.verdicts["popularity"].n_users == 140


FEW = camps(6, n_users=60, n_items=48, taken=8)


@pytest.fixture(scope="module")
def last_look() -> list[tuple[Holdout, ValidationUsers]]:
    holdout = random_parts(FEW, np.random.default_rng(1))
    return [(holdout, validation_users(holdout, np.random.default_rng(1), 300))]


def test_only_the_finalists_are_judged_by_the_last_look(last_look: list[tuple[Holdout, ValidationUsers]]) -> None:
    steps = list[str]()
    choice = chosen(FEW, ["popularity", "user_neighbours"], ["graph_walk"], steps=steps, last_look=last_look)
    assert [step for step in steps if step.startswith("try again")] == [
        "try again graph_walk",
        "try again user_neighbours",
    ]
    assert {name: verdict.n_users for name, verdict in choice.verdicts.items()} == {
        "popularity": 60,
        "user_neighbours": 120,
        "graph_walk": 120,
    }
    assert sum(choice.blend.values()) == pytest.approx(1)


def test_a_costly_model_that_shows_nothing_on_the_first_part_is_not_fitted_again(
    monkeypatch: pytest.MonkeyPatch, last_look: list[tuple[Holdout, ValidationUsers]]
) -> None:
    monkeypatch.setattr(finalists, "COSTLY_S", 0.0)
    steps = list[str]()
    choice = chosen(FEW, ["popularity"], ["graph_walk", "content"], steps=steps, more=last_look)
    assert [step for step in steps if step.startswith("try again")] == ["try again popularity", "try again graph_walk"]
    assert {name: verdict.n_users for name, verdict in choice.verdicts.items()} == {
        "popularity": 120,
        "graph_walk": 120,
        "content": 60,
    }
    assert choice.left_out["content"] == "adds nothing to the others"


def test_without_a_budget_there_is_no_last_look(last_look: list[tuple[Holdout, ValidationUsers]]) -> None:
    steps = list[str]()
    chosen(FEW, ["popularity", "user_neighbours"], [], seconds=0, steps=steps, last_look=last_look)
    assert "blend of finalists" not in steps


def test_without_time_no_optional_model_is_looked_at() -> None:
    steps = list[str]()
    choice = chosen(camps(6), ["popularity"], ["graph_walk"], seconds=0, steps=steps)
    assert not any("look" in step or "graph_walk" in step for step in steps)
    assert "no time" in choice.left_out["graph_walk"]


def test_every_model_has_a_verdict() -> None:
    choice = chosen(camps(6), ["popularity"], ["graph_walk", "item_neighbours"])
    assert set(choice.verdicts) == {"popularity", "graph_walk", "item_neighbours"}
    verdict = choice.verdicts["popularity"]
    assert verdict.difference < -2 * verdict.standard_error < 0
    assert verdict.weight == choice.blend["popularity"]
    assert verdict.n_users == 240


def test_a_model_without_weight_is_not_in_the_blend() -> None:
    choice = chosen(camps(6), ["popularity"], ["graph_walk", "item_neighbours", "content"])
    assert choice.blend.keys() <= choice.learners.keys()


def test_an_optional_model_that_adds_nothing_is_left_out_with_a_reason() -> None:
    choice = chosen(camps(1), ["popularity"], ["item_neighbours", "graph_walk"])
    assert set(choice.learners) == {"popularity"}
    assert set(choice.left_out) == {"item_neighbours", "graph_walk"}
    assert "% from the list" in choice.left_out["graph_walk"]


def test_a_gain_that_few_users_cannot_prove_is_reported_as_such() -> None:
    choice = chosen(camps(4, n_users=24, seed=2), ["item_neighbours"], ["graph_walk", "sequence"])
    assert set(choice.learners) == {"item_neighbours"}
    why = choice.left_out["graph_walk"]
    assert float(why.removeprefix("adds ").split(" %")[0]) > 1
    assert why.endswith("but 24 judges are too few to be sure of it")


def test_a_gain_below_the_required_one_states_the_required_one() -> None:
    choice = chosen(camps(1, seed=3), ["popularity"], ["item_neighbours", "graph_walk"])
    why = choice.left_out["graph_walk"]
    gain, required = (float(part.split()[-1]) for part in why.split(" %")[:2])
    assert gain < required <= 1
    assert why.endswith("are asked for")


def test_optional_models_that_make_the_list_worse_are_reported_as_such() -> None:
    choice = chosen(camps(1, n_users=12, seed=1), ["user_neighbours"], ["graph_walk", "sequence"])
    assert set(choice.learners) == {"user_neighbours"}
    assert choice.left_out["graph_walk"].startswith("takes 2")
    assert choice.left_out["graph_walk"].endswith(" % from the list, with all other spare ones")


def test_without_time_no_optional_model_is_tried() -> None:
    choice = chosen(camps(6), ["popularity"], ["graph_walk"], seconds=0)
    assert choice.left_out["graph_walk"].startswith("no time")
    assert choice.blend == {"popularity": 1.0}


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_a_blend_is_never_worse_than_its_best_part_beyond_noise(seed: int) -> None:
    later = last_parts(camps(5, seed=seed), np.random.default_rng(seed))
    choice = chosen(later.past, DEFAULTS, ["ease", "graph_walk"])
    users = validation_users(later, np.random.default_rng(seed), 300)
    parts = {name: lists(learner, later, users) for name, learner in choice.learners.items() if name in choice.blend}
    blend = [
        blended([(part[q], choice.blend[name]) for name, part in parts.items()], LIST_LENGTH) for q in range(len(users))
    ]
    reached = list_ndcg(blend, users.new)
    assert reached.mean() > 0.1
    assert [
        name for name, part in parts.items() if is_better(list_ndcg(part, users.new), reached, min_gain=NOISE)
    ] == []


def lists(learner: Learner, later: Holdout, users: ValidationUsers) -> list[Candidates]:
    model: Model = learner.fit(later.past, np.random.default_rng(0))
    return candidate_lists(model, users, only_new=True, depth=50)


def test_a_sample_is_whole_customers_and_small_data_are_not_sampled() -> None:
    small = camps(2)
    assert draw_sample(small, np.random.default_rng(0)) is small
    n_users, each, few = 1_000, 40, 10_000
    assert len(small.histories.item) < few < SAMPLE_EVENTS
    user = np.repeat(np.arange(n_users, dtype=np.int32), each)
    large = interactions_of(user, np.tile(np.arange(each, dtype=np.int32), n_users), n_users=n_users, n_items=each)
    lengths = np.diff(draw_sample(large, np.random.default_rng(0), few).histories.offsets)
    assert set(lengths) == {0, each}
    assert 0.7 * few < lengths.sum() < 1.3 * few


def test_a_fixed_model_keeps_its_half_life() -> None:
    data = camps(3)
    holdout = hold_out(data, 28, np.random.default_rng(0), split="chance")
    users = validation_users(holdout, np.random.default_rng(0), 300)
    plan = Plan({"popularity": LEARNERS["popularity"]()}, {}, fixed=frozenset({"popularity"}))
    free = replace(plan, fixed=frozenset[str]())
    assert select_models(holdout, users, plan, np.random.default_rng(0), quietly).half_lives == {}
    assert set(select_models(holdout, users, free, np.random.default_rng(0), quietly).half_lives) == {"popularity"}


def again_in_fashion(*, follows: bool) -> Interactions:
    """Each user owns twelve items, most of them twice; they buy again what is in fashion, or any of them."""
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
def test_the_buy_again_variant_fits_the_shop(follows: bool, demand_power: float) -> None:
    learners = {name: LEARNERS[name]() for name in ("popularity", "buy_again")}
    holdout = last_weeks(again_in_fashion(follows=follows), 3)
    users = validation_users(holdout, np.random.default_rng(0), 300)
    choice = select_models(holdout, users, Plan(learners, {}), np.random.default_rng(0), quietly)
    again = choice.learners["buy_again"]
    assert isinstance(again, BuyAgain)
    assert again.demand_power == demand_power
    assert choice.buy_again["as set"] > 0


def test_half_life_and_variant_of_buy_again_are_chosen_together() -> None:
    """Favourites change every few days: neither another half-life alone nor another variant alone gains as much."""
    rng, rows = np.random.default_rng(2), []
    for user in range(400):
        now = rng.choice(60, 8, replace=False)
        for day in range(60, 0, -3):
            now[rng.integers(8)] = rng.integers(60)
            rows += [(user, int(item), NOW - day) for item in set(rng.choice(now, 4, replace=False).tolist())]
    users, items, at = (np.array(column) for column in zip(*rows, strict=True))
    data = interactions_of(users.astype(np.int32), items.astype(np.int32), n_users=400, n_items=60, at=at)
    holdout = last_weeks(data, 4)
    validation = Validation(holdout.past, validation_users(holdout, np.random.default_rng(0), 400), only_new=False)
    default = BuyAgain()
    choice = select_buy_again(default, validation, np.random.default_rng(0))
    assert choice.learner.half_life_days < 30
    assert choice.half_life.days == choice.learner.half_life_days
    alone = [replace(default, half_life_days=choice.half_life.days), replace(choice.learner, half_life_days=90.0)]
    reached = [quality(learner, validation, 0).mean() for learner in (choice.learner, *alone, default)]
    assert reached[0] == max(reached) > 1.05 * reached[-1]


def test_where_nothing_beats_the_default_of_buy_again_it_stays() -> None:
    holdout = last_weeks(again_in_fashion(follows=False), 3)
    validation = Validation(holdout.past, validation_users(holdout, np.random.default_rng(0), 300), only_new=False)
    assert select_buy_again(BuyAgain(), validation, np.random.default_rng(0)).learner == BuyAgain()


def test_own_items_make_the_same_list_as_scores_for_everything() -> None:
    holdout = last_weeks(again_in_fashion(follows=True), 3)
    users = validation_users(holdout, np.random.default_rng(0), 50)
    model = BuyAgain().fit(holdout.past, np.random.default_rng(0))
    lists_of_own = candidate_lists(model, users, only_new=False, depth=10)
    for part, scores in zip(lists_of_own, model.score(users.histories), strict=True):
        expected = best(scores, np.ones(len(scores), bool), 10)
        np.testing.assert_array_equal(part.items, expected.items)
        np.testing.assert_allclose(part.scores, expected.scores)

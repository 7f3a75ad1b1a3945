"""Settings selection: the value that suits the data replaces `auto`, within the budget and beyond noise."""

from contextlib import nullcontext
from math import inf

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.learning import model_selection
from recsys.learning.holdout import Holdout, last_visits, random_parts
from recsys.learning.model_selection import select_models
from recsys.learning.recipe import Plan
from recsys.learning.selection.budget import Budget
from recsys.learning.selection.settings import LADDERS, Ladder, ladders_of, with_best_settings
from recsys.learning.validation import Validation, validation_users
from recsys.models.als import Als
from recsys.models.base import Learner, Model
from recsys.models.ease import Ease
from recsys.models.fit_cost import DataSize
from recsys.models.graph_filter import GraphFilter
from recsys.models.graph_walk import GraphWalk
from recsys.models.popularity import Popularity
from recsys.models.sequence import Sequence
from recsys.models.user_neighbours import UserNeighbours
from recsys.testing import interactions_of

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    """Users of four camps who also take best-sellers: a penalty of best-sellers costs half of what they take."""
    rng = np.random.default_rng(1)
    own = [np.append(rng.choice(10, 5, replace=False), 10 + 15 * (user % 4) + rng.choice(15, 8)) for user in range(300)]
    rows = [(user, item) for user, items in enumerate(own) for item in np.unique(items)]
    user, item = np.array(rows, np.int32).T
    return random_parts(interactions_of(user, item, n_users=300, n_items=70), rng)


@pytest.fixture(scope="module")
def validation(holdout: Holdout) -> Validation:
    return Validation(holdout.past, validation_users(holdout, RNG, 300), only_new=True)


def test_settings_have_more_judges_than_models_and_the_cheapest_come_first(
    holdout: Holdout, validation: Validation, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: dict[type, float] = {Popularity: 2.0, UserNeighbours: 1.0}
    judged: list[tuple[type, list[int]]] = []

    def noted(learner: Learner, validations: list[Validation], *_: object) -> tuple[Learner, None]:
        judged.append((type(learner), [len(each.users) for each in validations]))
        return learner, None

    monkeypatch.setattr(model_selection, "MAX_USERS", 40)
    monkeypatch.setattr(model_selection, "MOST_SETTINGS_USERS", 200)
    monkeypatch.setattr(model_selection, "SETTINGS_USERS", 100)
    monkeypatch.setattr(model_selection, "foretold_seconds", lambda learner, _size: seconds[type(learner)])
    monkeypatch.setattr(model_selection, "with_best_settings", noted)
    plan = Plan({"popularity": Popularity(), "user_neighbours": UserNeighbours()}, {})
    choice = select_models(holdout, validation.users, plan, RNG, lambda _name: nullcontext())
    assert judged == [(UserNeighbours, [200]), (Popularity, [200])]
    assert choice.verdicts["popularity"].n_users == 40


def test_a_better_value_replaces_auto_and_every_trial_is_noted(validation: Validation) -> None:
    learner, tried = with_best_settings(GraphWalk(), [validation], Budget(inf), RNG)
    assert tried is not None
    by_value = tried.tried["beta"]
    assert isinstance(learner, GraphWalk)
    assert learner.beta == tried.chosen["beta"] == max(by_value, key=lambda value: by_value[value])
    assert tried.as_mapping()["tried"]["beta"].keys() == {f"{value:.3g}" for value in by_value}


def test_where_only_the_last_choice_tells_the_next_one_older_ones_fade_faster() -> None:
    rng = np.random.default_rng(2)
    chains = [rng.integers(60, size=12) for _ in range(300)]
    for chain in chains:
        follows = rng.random(11) < 0.5
        for before in np.flatnonzero(follows):
            chain[before + 1] = 7 * chain[before] % 61 % 60
    user, item = np.repeat(np.arange(300, dtype=np.int32), 12), np.concatenate(chains).astype(np.int32)
    at = np.tile(np.arange(12.0), 300)
    holdout = last_visits(interactions_of(user, item, n_users=300, n_items=60, at=at))
    last = Validation(holdout.past, validation_users(holdout, rng, 300), only_new=True)
    learner, tried = with_best_settings(Sequence(), [last], Budget(inf), RNG)
    assert isinstance(learner, Sequence)
    assert learner.history_fade < Sequence().history_fade
    assert tried is not None
    assert tried.chosen["history_fade"] == learner.history_fade


@pytest.mark.parametrize(("gain", "chosen"), [((0.1, 0.1), 0.6), ((0.3, -0.1), 0.4)])
def test_a_value_has_to_win_among_judges_who_did_not_choose_it(
    validation: Validation, monkeypatch: pytest.MonkeyPatch, gain: tuple[float, float], chosen: float
) -> None:
    """The gain of each half of the judges; the second one is more in the mean, and nothing but luck."""
    first = np.random.default_rng(1).permutation(200)[:100]  # as halves are drawn
    better = np.full(200, 0.5 + gain[1])
    better[first] = 0.5 + gain[0]
    quality = {0.4: np.full(200, 0.5), 0.6: better + np.random.default_rng(0).normal(0, 0.01, 200)}
    monkeypatch.setattr(GraphWalk, "fit", lambda each, _data, _rng: each)
    monkeypatch.setattr(Validation, "quality", lambda _self, each: quality[each.beta])
    monkeypatch.setitem(LADDERS, GraphWalk, lambda _learner, _size: [Ladder("beta", 0.4, (0.4, 0.6))])
    learner, _ = with_best_settings(GraphWalk(), [validation], Budget(inf), RNG)
    assert isinstance(learner, GraphWalk)
    assert learner.beta == (chosen if chosen != 0.4 else "auto")


def test_without_a_budget_nothing_is_tried(validation: Validation) -> None:
    assert with_best_settings(GraphWalk(), [validation], Budget(0.0), RNG) == (GraphWalk(), None)


def test_a_budget_that_ends_ends_the_search(validation: Validation) -> None:
    all_of_it, tried = Budget(1_000.0), with_best_settings(GraphWalk(), [validation], Budget(inf), RNG)[1]
    with_best_settings(GraphWalk(), [validation], all_of_it, RNG)
    assert tried is not None
    one_trial = (1_000 - all_of_it.seconds) / len(tried.tried["beta"])
    too_little = Budget(1.5 * one_trial)
    assert with_best_settings(GraphWalk(), [validation], too_little, RNG) == (GraphWalk(), None)
    assert too_little.seconds == 1.5 * one_trial  # not one trial either: it would say nothing


@pytest.mark.parametrize(
    "learner", [GraphWalk(beta=0.4), Ease(l2=10.0), Als(regularization=1.0, factors=8), GraphFilter(factors=8)]
)
def test_what_somebody_set_is_not_searched(learner: GraphWalk | Ease | Als | GraphFilter) -> None:
    assert ladders_of(learner, DataSize(1_000, 100, 50, 1_000, 1_000)) == []


@pytest.mark.parametrize("kind", list(LADDERS))
def test_every_ladder_begins_with_what_auto_stands_for(kind: type[Als]) -> None:
    size = DataSize(1_000, 100, 50, 1_000, 1_000)
    ladders = ladders_of(kind(), size)
    assert ladders
    assert all(len({*ladder.values, ladder.start}) > 1 for ladder in ladders)


def test_factors_come_first_in_a_large_sparse_range() -> None:
    sizes = DataSize(20_000, 2_000, 10_000, 20_000, 20_000), DataSize(20_000, 200, 1_000, 20_000, 20_000)
    first = [ladders_of(Als(), size)[0].setting for size in sizes]
    assert first == ["factors", "regularization_scale"]


def test_no_trial_is_made_twice(validation: Validation, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[float] = []

    def fit(learner: GraphWalk, data: Interactions, rng: np.random.Generator) -> Model:
        assert learner.beta != "auto"
        fitted.append(learner.beta)
        return Popularity().fit(data, rng)

    ladder = Ladder("beta", 0.4, (0.4, 0.6))
    monkeypatch.setitem(LADDERS, GraphWalk, lambda _learner, _size: [ladder, ladder])
    monkeypatch.setattr(GraphWalk, "fit", fit)
    with_best_settings(GraphWalk(), [validation], Budget(inf), RNG)
    assert fitted == [0.4, 0.6]


def test_a_model_without_a_ladder_stays(validation: Validation) -> None:
    assert with_best_settings(Popularity(), [validation], Budget(inf), RNG) == (Popularity(), None)

"""Settings selection: the value that suits the data replaces `auto`, within the budget and beyond noise."""

from math import inf

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.learning.holdout import random_parts
from recsys.learning.selection.budget import Budget
from recsys.learning.selection.settings import LADDERS, Ladder, ladders_of, with_best_settings
from recsys.learning.validation import Validation, validation_users
from recsys.models.als import Als
from recsys.models.base import Model
from recsys.models.ease import Ease
from recsys.models.fit_cost import DataSize
from recsys.models.graph_filter import GraphFilter
from recsys.models.graph_walk import GraphWalk
from recsys.models.popularity import Popularity
from recsys.testing import interactions_of

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def validation() -> Validation:
    """Users of four camps who also take best-sellers: a penalty of best-sellers costs half of what they take."""
    rng = np.random.default_rng(1)
    own = [np.append(rng.choice(10, 5, replace=False), 10 + 15 * (user % 4) + rng.choice(15, 8)) for user in range(300)]
    rows = [(user, item) for user, items in enumerate(own) for item in np.unique(items)]
    user, item = np.array(rows, np.int32).T
    holdout = random_parts(interactions_of(user, item, n_users=300, n_items=70), rng)
    return Validation(holdout.past, validation_users(holdout, rng, 300), only_new=True)


def test_a_better_value_replaces_auto_and_every_trial_is_noted(validation: Validation) -> None:
    learner, tried = with_best_settings(GraphWalk(), [validation], Budget(inf), RNG)
    assert tried is not None
    by_value = tried.tried["beta"]
    assert isinstance(learner, GraphWalk)
    assert learner.beta == tried.chosen["beta"] == max(by_value, key=lambda value: by_value[value])
    assert tried.as_mapping()["tried"]["beta"].keys() == {f"{value:.3g}" for value in by_value}


def test_without_a_budget_nothing_is_tried(validation: Validation) -> None:
    assert with_best_settings(GraphWalk(), [validation], Budget(0.0), RNG) == (GraphWalk(), None)


def test_a_budget_that_ends_ends_the_search(validation: Validation) -> None:
    all_of_it, tried = Budget(1_000.0), with_best_settings(GraphWalk(), [validation], Budget(inf), RNG)[1]
    with_best_settings(GraphWalk(), [validation], all_of_it, RNG)
    assert tried is not None
    one_trial = (1_000 - all_of_it.seconds) / len(tried.tried["beta"])
    assert with_best_settings(GraphWalk(), [validation], Budget(1.5 * one_trial), RNG) == (GraphWalk(), None)


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

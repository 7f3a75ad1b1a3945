"""Training budget: what was spent is gone, and what does not fit is not begun."""

from recsys.learning.selection.budget import Budget, total_seconds
from recsys.models.base import Learner
from recsys.models.fit_cost import DataSize, foretold_seconds
from recsys.models.graph_walk import GraphWalk
from recsys.models.popularity import Popularity

SIZE = DataSize(1_000_000, 10_000, 5_000, 900_000, 1e8)


def test_a_fit_counts_as_spent_and_one_too_many_is_refused() -> None:
    budget = Budget(1.5 * foretold_seconds(GraphWalk(), SIZE))
    assert budget.take(GraphWalk(), SIZE)
    assert not budget.take(GraphWalk(), SIZE)
    assert budget.spend(0.4 * foretold_seconds(GraphWalk(), SIZE))


def test_an_empty_budget_allows_nothing_however_cheap() -> None:
    assert not Budget(0.0).spend(0.0)


def test_the_cost_of_several_is_the_sum() -> None:
    both: dict[str, Learner] = {"graph_walk": GraphWalk(), "popularity": Popularity()}
    assert total_seconds(both, SIZE) == sum(foretold_seconds(each, SIZE) for each in both.values())

"""Folded users: what a release knows of a user is what the models would learn from the history again."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from recsys.bundle.array_spec import check_arrays
from recsys.engine.candidate_cache import CandidateCache, PrecomputedCandidates
from recsys.engine.engine import Engine
from recsys.engine.folded_users import FoldedUsers
from recsys.learning.precompute import precompute_candidates
from recsys.models.base import FoldingModel
from recsys.ranking.filters.spec import Filters
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW
from recsys.time_units import DAY_MS

BLEND = {"als": 0.5, "user_neighbours": 0.3, "item_neighbours": 0.2}
FOLDING = ("als", "user_neighbours")


@pytest.fixture(scope="module", name="folded_shop")
def with_a_blend_that_folds(small_shop: Recommender) -> Recommender:
    engine = replace(small_shop.engine, blend=BLEND)
    precomputed = precompute_candidates(engine, small_shop.catalogue.is_listed)
    return replace(small_shop, engine=replace(engine, candidate_cache=CandidateCache(0, precomputed)))


def precomputed_of(shop: Recommender) -> PrecomputedCandidates:
    precomputed = shop.engine.candidate_cache.precomputed
    assert precomputed is not None
    return precomputed


def folding(engine: Engine, name: str) -> FoldingModel:
    return cast(FoldingModel, engine.models[name])


def test_training_folds_the_users_of_its_lists_as_a_request_would(folded_shop: Recommender) -> None:
    engine, precomputed = folded_shop.engine, precomputed_of(folded_shop)
    for user in precomputed.users.tolist():
        folds = precomputed.find_folds(user)
        assert sorted(folds) == sorted(FOLDING)
        for name, fold in folds.items():
            again = folding(engine, name).fold(engine.history_at(user))
            assert [column.tolist() for column in fold] == [column.tolist() for column in again]


def test_answers_from_folds_are_those_from_histories(folded_shop: Recommender) -> None:
    precomputed = precomputed_of(folded_shop)
    bare = replace(folded_shop.engine, candidate_cache=CandidateCache(0, replace(precomputed, folded=FoldedUsers())))
    for user in precomputed.users.tolist():
        for filters in Filters(category_in=frozenset({"category-1"})), Filters(price_to=12.0):
            query = Query(int(NOW * DAY_MS), "discover", 5, folded_shop.engine.users[user], filters=filters)
            assert folded_shop.recommend(query) == replace(folded_shop, engine=bare).recommend(query)


@pytest.mark.parametrize("name", FOLDING)
def test_a_fold_stands_for_the_history_before_that_model_alone(folded_shop: Recommender, name: str) -> None:
    engine = folded_shop.engine
    first, other = (engine.history_at(user) for user in precomputed_of(folded_shop).users[:2].tolist())
    model = folding(engine, name)
    first.keep_fold(model, model.fold(other))
    np.testing.assert_array_equal(model.score(first), model.score(other))
    assert first.fold(replace(model)) is None  # type: ignore[type-var]


def test_folds_survive_a_release_and_an_older_one_has_none(folded_shop: Recommender) -> None:
    precomputed = precomputed_of(folded_shop)
    arrays, user = precomputed.arrays(), int(precomputed.users[0])
    sizes = {"U": len(folded_shop.engine.users), "I": folded_shop.engine.n_items, "N": 10_000}
    check_arrays(arrays, PrecomputedCandidates.specs(arrays), sizes)
    opened = PrecomputedCandidates.from_arrays(arrays)
    for name, fold in precomputed.find_folds(user).items():
        assert [column.tolist() for column in opened.find_folds(user)[name]] == [column.tolist() for column in fold]

    older = {name: array for name, array in arrays.items() if name not in precomputed.folded.arrays()}
    assert len(older) < len(arrays)
    assert PrecomputedCandidates.from_arrays(older).find_folds(user) == {}
    assert opened.find_folds(len(folded_shop.engine.users)) == {}

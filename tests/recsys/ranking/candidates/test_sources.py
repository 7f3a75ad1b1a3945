"""Candidate sources: beside one item only its own neighbours are scored, and the candidates are the same."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.models.seasonal import SeasonalModel
from recsys.ranking.candidates.pipeline import candidates_for
from recsys.ranking.candidates.sources import SOURCES, model_candidates
from recsys.ranking.context.context import QueryContext, resolve
from recsys.ranking.explain.reasons import build_reasons
from recsys.ranking.filters.spec import Filters
from recsys.ranking.placements import Placement, find_placement
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

MODEL_BY_SOURCE = {"similar": "item_neighbours", "bought_together": "bought_together"}
FILTERS = [Filters(), Filters(price_to=20.0), Filters(category_in=frozenset({"category-1"}))]


def context_of(shop: Recommender, item_id: str, filters: Filters) -> QueryContext:
    query = Query(int(NOW * DAY_MS), "product", 10, context_item_ids=(item_id,), filters=filters)
    return resolve(query, find_placement(shop.placements, "product"), shop.engine, shop.catalogue)


@pytest.mark.parametrize("source", sorted(MODEL_BY_SOURCE))
@pytest.mark.parametrize("filters", FILTERS)
def test_the_candidates_beside_an_item_are_those_of_scoring_the_whole_catalogue(
    small_shop: Recommender, source: str, filters: Filters
) -> None:
    n_candidates = 0
    for item in small_items():
        context = context_of(small_shop, item.item_id, filters)
        name, whole = MODEL_BY_SOURCE[source], context.eligible._replace(few=None)
        expected = model_candidates(small_shop.engine, name, context.anchors(), whole, 7)
        candidates = SOURCES[source](context, 7)
        np.testing.assert_array_equal(candidates.items, expected.items)
        np.testing.assert_array_equal(candidates.scores, expected.scores)
        n_candidates += len(candidates)
    assert n_candidates > 50


def test_an_anchor_that_may_be_in_the_list_keeps_its_vote_for_itself(small_shop: Recommender) -> None:
    context = context_of(small_shop, "item-004", Filters())
    open_to_all = replace(context, eligible=context.eligible._replace(mask=context.catalogue.is_listed))
    expected = model_candidates(small_shop.engine, "item_neighbours", open_to_all.anchors(), open_to_all.eligible, 10)
    candidates = SOURCES["similar"](open_to_all, 10)
    np.testing.assert_array_equal(candidates.items, expected.items)
    assert small_shop.catalogue.position("item-004") in candidates.items


def test_the_reason_beside_an_item_names_it_for_every_item_of_the_list(small_shop: Recommender) -> None:
    context = context_of(small_shop, "item-004", Filters())
    reasons = build_reasons(candidates_for(context, 5), context)
    assert {reason.because for reason in reasons} == {("item-004",)}


def test_a_visitor_without_a_history_sees_what_is_in_season(small_shop: Recommender) -> None:
    engine = small_shop.engine
    weight = np.zeros(engine.n_items, np.float32)
    weight[[7, 3, 5]] = 0.5, 0.3, 0.2
    models = {**engine.models, "seasonal": SeasonalModel(weight)}
    query = Query(int(NOW * DAY_MS), "trending", 5, exclude=("item-003",))
    placement = Placement(sources=("seasonal",))

    context = resolve(query, placement, replace(engine, models=models), small_shop.catalogue)

    scored = candidates_for(context, 3)
    assert [small_shop.catalogue.item_id(each.item) for each in scored[:2]] == ["item-007", "item-005"]
    assert [reason.code for reason in build_reasons(scored, context)] == ["in_season", "in_season", "best_seller"]
    assert not len(SOURCES["seasonal"](replace(context, engine=engine), 3))

"""Narrow filters: where few items are eligible, only those are scored, and the list is the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue import mask_cache
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.ranking.candidates import sources
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.context.context import resolve
from recsys.ranking.filters.parser import parse_filter
from recsys.ranking.filters.spec import Filters
from recsys.ranking.placements import load_placements
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
ITEM_IDS = [item.item_id for item in small_items()]
NEVER = -1
PLACEMENTS = sorted(load_placements(None, frozenset(SOURCES)))

some_events = st.lists(
    st.builds(
        Event,
        event_id=st.just("later"),
        user_id=st.just("user-004"),
        item_id=st.sampled_from(ITEM_IDS),
        kind=st.sampled_from(Kind),
        at_ms=st.integers(NOW_MS, NOW_MS + 10 * DAY_MS),
        rating=st.just(4.0),
    ),
    max_size=4,
)
queries = st.builds(
    Query,
    now_ms=st.just(NOW_MS + 10 * DAY_MS),
    placement=st.sampled_from(PLACEMENTS),
    k=st.integers(1, 40),
    user_id=st.none() | st.sampled_from(["user-004", "user-011"]),
    recent=some_events,
    context_item_ids=st.lists(st.sampled_from(ITEM_IDS), max_size=2),
    exclude=st.lists(st.sampled_from(ITEM_IDS), max_size=4),
    filters=st.builds(
        Filters,
        category_in=st.none() | st.frozensets(st.sampled_from(["category-0", "category-1", "nope"]), min_size=1),
        brand_out=st.frozensets(st.sampled_from(["brand-0", "brand-2"]), max_size=1),
        price_to=st.none() | st.floats(0, 30),
        where=st.none() | st.sampled_from([{"colour": "blue"}, {"not": {"colour": "blue"}}]).map(parse_filter),
    ),
)
newer = st.lists(
    st.builds(
        Item,
        item_id=st.sampled_from([*ITEM_IDS[:9], "newer-1", "newer-2"]),
        category=st.sampled_from(["category-0", "category-1"]),
        stock=st.sampled_from([0.0, 5.0]),
    ),
    max_size=3,
)


def scored(recommendations: RecommendationList) -> list[tuple[str, str, float]]:
    """The items of the list, sorted by id where their scores are equal."""
    return sorted(
        ((item.item_id, item.source, item.score) for item in recommendations.items), key=lambda row: (-row[2], row[0])
    )


def along_the_rows(shop: Recommender, query: Query) -> RecommendationList:
    """The list when the items of every filter are visited by their rows in the index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "NARROW", 0)
        shop.recommend(query)  # keeps the rows
        return shop.recommend(query)


def among_all(shop: Recommender, query: Query) -> RecommendationList:
    """The list when no number of items counts as few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_cache, "MAX_POSITIONS", NEVER)
        return replace(shop, catalogue=replace(shop.catalogue)).recommend(query)


@pytest.mark.parametrize("answer", [Recommender.recommend, along_the_rows])
@given(query=queries, changes=newer)
def test_a_narrow_filter_gives_the_same_list(
    small_shop: Recommender,
    answer: Callable[[Recommender, Query], RecommendationList],
    query: Query,
    changes: list[Item],
) -> None:
    shop = small_shop.with_catalogue(small_shop.catalogue.with_changes(changes))
    fast, slow = (scored(recommendations) for recommendations in (answer(shop, query), among_all(shop, query)))
    assert [score for _, _, score in fast] == pytest.approx([score for _, _, score in slow], rel=1e-4, abs=1e-6)
    last = fast[-1][2] if fast else 0.0  # of those that are as good as the last, others may be left out
    assert {row[:2] for row in fast if row[2] > last + 1e-6} == {row[:2] for row in slow if row[2] > last + 1e-6}


def test_few_holds_all_items_that_pass_the_filter(small_shop: Recommender) -> None:
    blue, dear = Filters(where=parse_filter({"colour": "blue"})), Filters(price_from=1e9)
    both = replace(blue, category_in=frozenset({"category-0"}))
    for filters in (blue, dear, both):
        query = Query(NOW_MS, "home", 5, "user-004", filters=filters)
        context = resolve(query, small_shop.placements["home"], small_shop.engine, small_shop.catalogue)
        assert context.eligible.few is not None
        assert context.eligible.few.tolist() == context.eligible.mask.nonzero()[0].tolist()
    assert (
        resolve(Query(NOW_MS), small_shop.placements["home"], small_shop.engine, small_shop.catalogue).eligible.few
        is None
    )

"""Where a filter leaves few items, only those are scored: the list is the one that is found among all."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.catalogue import mask_cache
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
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
asks = st.builds(
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


def scored(answer: RecommendationList) -> list[tuple[str, str, float]]:
    """What stands in the list, but for the order of what is equally good."""
    return sorted(((item.item_id, item.source, item.score) for item in answer.items), key=lambda one: (-one[2], one[0]))


def among_all(shop: Recommender, ask: Query) -> RecommendationList:
    """The answer as it is found when nothing counts as few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_cache, "MAX_POSITIONS", NEVER)
        return replace(shop, catalogue=replace(shop.catalogue)).recommend(ask)


@given(ask=asks, changes=newer)
def test_the_best_of_few_items_are_those_that_are_found_among_all(
    small_shop: Recommender, ask: Query, changes: list[Item]
) -> None:
    shop = small_shop.with_catalogue(small_shop.catalogue.with_changes(changes))
    found, slow = (scored(answer) for answer in (shop.recommend(ask), among_all(shop, ask)))
    assert [score for _, _, score in found] == pytest.approx([score for _, _, score in slow], rel=1e-4, abs=1e-6)
    last = found[-1][2] if found else 0.0  # of those that are as good as the last, others may be left out
    assert {one[:2] for one in found if one[2] > last + 1e-6} == {one[:2] for one in slow if one[2] > last + 1e-6}


def test_the_few_hold_all_that_a_filter_leaves(small_shop: Recommender) -> None:
    blue, dear = Filters(where=parse_filter({"colour": "blue"})), Filters(price_from=1e9)
    both = replace(blue, category_in=frozenset({"category-0"}))
    for filters in (blue, dear, both):
        ask = Query(NOW_MS, "home", 5, "user-004", filters=filters)
        question = resolve(ask, small_shop.placements["home"], small_shop.engine, small_shop.catalogue)
        assert question.eligible.few is not None
        assert question.eligible.few.tolist() == question.eligible.mask.nonzero()[0].tolist()
    assert (
        resolve(Query(NOW_MS), small_shop.placements["home"], small_shop.engine, small_shop.catalogue).eligible.few
        is None
    )

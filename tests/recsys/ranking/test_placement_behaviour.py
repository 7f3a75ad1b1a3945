"""Placement behaviour: up-sell, cross-sell, recently viewed, new arrivals and trending items."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.engine.repurchase import RepurchaseIntervals
from recsys.ranking.filters.spec import Filters
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
ITEM_BY_ID = {item.item_id: item for item in small_items()}
some_items = st.lists(st.sampled_from([*ITEM_BY_ID, "nobody-knows-me"]), max_size=3, unique=True)


def ids(recommendations: RecommendationList) -> list[str]:
    return [item.item_id for item in recommendations.items]


def seen(*item_ids: str, kind: Kind = Kind.VIEW, minutes_ago: float = 1.0) -> list[Event]:
    at = NOW_MS - round(minutes_ago * 60_000)
    return [Event(f"{kind}-{at}-{i}", "user-004", item_id, kind, at) for i, item_id in enumerate(item_ids)]


@given(context=some_items, gone=some_items, k=st.integers(1, 30), user=st.none() | st.just("user-003"))
def test_up_sell_items_are_of_one_category_and_cost_a_little_more(
    small_shop: Recommender, context: list[str], gone: list[str], k: int, user: str | None
) -> None:
    sold_out = [Item(item_id, stock=0) for item_id in gone if item_id in ITEM_BY_ID and item_id not in context]
    recommender = small_shop.with_catalogue(small_shop.catalogue.with_changes(sold_out))
    looked_at = [ITEM_BY_ID[item_id] for item_id in context if item_id in ITEM_BY_ID]
    fitting = {
        item.item_id
        for item in small_items()
        for viewed in looked_at
        if item.category == viewed.category and 1.1 <= float(item.price or 0) / float(viewed.price or 0) <= 1.5
    } - {*context, *gone}
    shown = ids(recommender.recommend(Query(NOW_MS, "up-sell", k, user, context_item_ids=context)))
    assert len(shown) == min(k, len(fitting))
    assert set(shown) <= fitting


@given(context=some_items, k=st.integers(1, 30), only=st.none() | st.sampled_from(["category-0", "category-2"]))
def test_cross_sell_items_are_of_no_category_in_the_basket(
    small_shop: Recommender, context: list[str], k: int, only: str | None
) -> None:
    filters = Filters(category_in=frozenset({only})) if only else Filters()
    kinds = {ITEM_BY_ID[item_id].category for item_id in context if item_id in ITEM_BY_ID}
    fitting = {
        item.item_id for item in small_items() if item.category not in kinds and (not only or item.category == only)
    }
    shown = ids(
        small_shop.recommend(Query(NOW_MS, "cross-sell", k, "user-003", context_item_ids=context, filters=filters))
    )
    assert len(shown) == min(k, len(fitting))
    assert set(shown) <= fitting


def test_an_item_without_price_or_category_has_no_up_sell(small_shop: Recommender) -> None:
    bare = small_shop.catalogue.with_changes([Item("item-004", category="category-0"), Item("item-008", price=9.0)])
    recommender = small_shop.with_catalogue(bare)
    for item_id in ("item-004", "item-008"):
        assert ids(recommender.recommend(Query(NOW_MS, "up-sell", context_item_ids=[item_id]))) == []


def test_a_session_stands_for_the_items_on_the_page(small_shop: Recommender) -> None:
    by_context = ids(small_shop.recommend(Query(NOW_MS, "up-sell", context_item_ids=["item-012"])))
    by_session = ids(small_shop.recommend(Query(NOW_MS, "up-sell", session=seen("item-000", "item-012"))))
    assert (
        by_session == by_context == ["item-016"]
    )  # price 17 beside 13; item-020 costs 21, more than half as much again


some_looks = st.lists(
    st.tuples(st.sampled_from([*ITEM_BY_ID, "late"]), st.sampled_from([Kind.VIEW, Kind.CLICK, Kind.PURCHASE])),
    max_size=12,
)


@given(looks=some_looks, in_session=st.integers(0, 12), k=st.integers(1, 30))
def test_viewed_items_come_back_newest_first_unless_bought(
    small_shop: Recommender, looks: list[tuple[str, Kind]], in_session: int, k: int
) -> None:
    catalogue = small_shop.catalogue.with_changes([Item("late", "Came yesterday")])
    events = [Event(str(i), "new", item, kind, NOW_MS - 9_000 + i) for i, (item, kind) in enumerate(looks)]
    query = Query(NOW_MS, "recently-viewed", k, "new", recent=events[:in_session], session=events[in_session:])
    wanted: list[str] = []
    for item_id, kind in looks:
        wanted = [item for item in wanted if item != item_id]
        if kind != Kind.PURCHASE:
            wanted.insert(0, item_id)
    assert ids(small_shop.with_catalogue(catalogue).recommend(query)) == wanted[:k]


def test_views_of_the_bundle_and_of_a_second_ago_are_in_one_list(
    small_shop: Recommender, shop_events: Sequence[Event]
) -> None:
    query = Query(NOW_MS, "recently-viewed", 30, "user-004", recent=seen("item-021"))
    mine = [event for event in shop_events if event.user_id == "user-004"]
    bought = {event.item_id: event.at_ms for event in mine if event.kind == Kind.PURCHASE}
    viewed = {event.item_id: event.at_ms for event in mine if event.kind == Kind.VIEW}
    left = [item_id for item_id, at in viewed.items() if at > bought.get(item_id, 0)]
    assert ids(small_shop.recommend(query)) == ["item-021", *sorted(left, key=viewed.__getitem__, reverse=True)]


def test_a_customer_who_viewed_nothing_gets_an_empty_list(small_shop: Recommender) -> None:
    query = Query(NOW_MS, "recently-viewed", 5, "stranger")
    assert small_shop.recommend(query).items == ()
    assert small_shop.count_eligible(query) == 0


def test_a_viewed_item_that_is_dismissed_or_sold_out_is_gone(small_shop: Recommender) -> None:
    recent = [*seen("item-001", "item-003", "item-005"), *seen("item-003", kind=Kind.DISMISS, minutes_ago=0)]
    catalogue = small_shop.catalogue.with_changes([Item("item-005", stock=0)])
    query = Query(NOW_MS, "recently-viewed", 1, "new", recent=recent)
    assert ids(small_shop.with_catalogue(catalogue).recommend(query)) == ["item-001"]


def rising(recommender: Recommender, **trend_by_id: float) -> Recommender:
    engine = recommender.engine
    trend = np.full(engine.n_items, 0.9, np.float32)
    for item_id, value in trend_by_id.items():
        trend[recommender.catalogue.position(item_id.replace("_", "-"))] = value
    models = {**engine.models, "popularity": replace(engine.popularity, trend=trend)}
    return replace(recommender, engine=replace(engine, models=models))


def test_only_items_that_sell_faster_than_usual_have_that_reason(small_shop: Recommender) -> None:
    recommender = rising(small_shop, item_002=1.5, item_007=3.0)
    recommendations = recommender.recommend(Query(NOW_MS, "trending", 6))
    assert ids(recommendations)[:2] == ["item-007", "item-002"]
    assert [item.reason.code for item in recommendations.items] == ["trending"] * 2 + ["best_seller"] * 4


def test_trending_items_of_the_category_on_the_page_come_first(small_shop: Recommender) -> None:
    recommender = rising(small_shop, item_002=1.5, item_007=3.0, item_006=1.2)
    recommendations = recommender.recommend(Query(NOW_MS, "trending", 3, context_item_ids=["item-010"]))
    assert ids(recommendations) == ["item-002", "item-006", "item-007"]
    assert recommendations.items[0].reason.text == "Selling faster than usual in category-2"
    only = Filters(category_in=frozenset({"category-3"}))
    assert ids(recommender.recommend(Query(NOW_MS, "trending", 1, filters=only))) == ["item-007"]


def test_new_arrivals_are_of_a_liked_kind_first_and_then_by_date(small_shop: Recommender) -> None:
    opened = {"a": 30, "b": 2, "c": 5, "d": 400}
    items = [
        Item(f"new-{name}", available_from_ms=NOW_MS - days * DAY_MS, category=f"c-{name}")
        for name, days in opened.items()
    ]
    items.append(Item("new-liked", available_from_ms=NOW_MS - 9 * DAY_MS, category="category-1"))
    recommender = small_shop.with_catalogue(small_shop.catalogue.with_changes(items))
    stranger = recommender.recommend(Query(NOW_MS, "new-arrivals", 6))
    assert ids(stranger)[:5] == ["new-b", "new-c", "new-liked", "new-a", "new-d"]
    assert [item.reason.code for item in stranger.items[:5]] == ["new_arrival"] * 3 + ["latest"] * 2
    known = recommender.recommend(Query(NOW_MS, "new-arrivals", 6, context_item_ids=["item-001"]))
    assert ids(known)[:3] == ["new-liked", "new-b", "new-c"]


def test_an_item_first_bought_in_the_last_weeks_counts_as_new(small_shop: Recommender) -> None:
    engine = small_shop.engine
    first = np.full(engine.n_items, -np.inf)
    first[[3, 8]] = NOW - 3, NOW - 60
    shop = replace(
        small_shop, engine=replace(engine, repurchase=RepurchaseIntervals(first, engine.repurchase.gap_days))
    )
    recommendations = shop.recommend(Query(NOW_MS, "new-arrivals", 3))
    assert ids(recommendations)[:2] == ["item-003", "item-008"]
    assert [item.reason.code for item in recommendations.items] == ["new_arrival", "latest", "best_seller"]


def test_buy_again_reasons_name_the_repurchase_interval(small_shop: Recommender) -> None:
    recommendations = small_shop.recommend(Query(NOW_MS, "buy-again", 3, "user-007"))
    assert recommendations.items[0].reason.text.startswith("You buy this about every ")
    assert "last on" in recommendations.items[0].reason.text


def test_a_single_purchase_gets_the_interval_of_other_customers(small_shop: Recommender) -> None:
    once = [Event("e", "new", "item-003", Kind.PURCHASE, NOW_MS - 5 * DAY_MS)]
    query = Query(NOW_MS, "buy-again", 1, "new", recent=once)
    assert "Bought again about every" in small_shop.recommend(query).items[0].reason.text
    silent = replace(
        small_shop,
        engine=replace(small_shop.engine, repurchase=RepurchaseIntervals(np.empty(0), np.empty(0, np.float32))),
    )
    assert silent.recommend(query).items[0].reason.text.startswith("You bought this once on")


@pytest.mark.parametrize("placement", ["buy-again", "because", "similar", "bought-together", "best-sellers"])
def test_an_impersonal_list_is_always_full(small_shop: Recommender, placement: str) -> None:
    for user in ("user-001", "stranger"):
        assert len(small_shop.recommend(Query(NOW_MS, placement, 5, user, context_item_ids=["item-001"])).items) == 5

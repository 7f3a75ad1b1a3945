"""Recommender: lists are never too short, hold eligible items only, and unknown customers get one too."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.errors import UnknownItem, UnknownPlacement
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.filters.expression import Not
from recsys.ranking.filters.parser import parse_filter
from recsys.ranking.filters.spec import Filters
from recsys.ranking.placements import load_placements
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
PLACEMENTS = sorted(set(load_placements(None, frozenset(SOURCES))) - {"recently-viewed", "up-sell", "cross-sell"})
ITEM_IDS = [item.item_id for item in small_items()]
USER_IDS = [f"user-{user:03}" for user in range(60)]


def ids(recommender: Recommender, **arguments: object) -> list[str]:
    recommendations = recommender.recommend(Query(NOW_MS, **arguments))  # type: ignore[arg-type]
    return [item.item_id for item in recommendations.items]


def bought(events: Sequence[Event], user_id: str | None) -> set[str]:
    return {event.item_id for event in events if event.user_id == user_id and event.kind == Kind.PURCHASE}


some_ids = st.lists(st.sampled_from([*ITEM_IDS, "nobody-knows-me"]), max_size=8)
some_words = st.none() | st.frozensets(st.sampled_from(["category-0", "category-1", "category-3", "nope"]), max_size=3)
some_filters = st.builds(
    Filters,
    category_in=some_words,
    category_out=st.frozensets(st.sampled_from(["category-0", "category-2"]), max_size=2),
    brand_in=st.none() | st.frozensets(st.sampled_from(["brand-0", "brand-1"]), max_size=2),
    brand_out=st.frozensets(st.sampled_from(["brand-0", "brand-2"]), max_size=1),
    price_from=st.none() | st.floats(0, 30),
    price_to=st.none() | st.floats(0, 30),
    where=st.none() | st.sampled_from([{"colour": "blue"}, {"not": {"colour": "blue"}}]).map(parse_filter),
)


def passes(item: Item, filters: Filters) -> bool:
    """Whether the item passes the filters, evaluated step by step."""
    price, where = item.price or 0.0, filters.where
    return (
        (filters.category_in is None or item.category in filters.category_in)
        and item.category not in filters.category_out
        and (filters.brand_in is None or item.brand in filters.brand_in)
        and item.brand not in filters.brand_out
        and (filters.price_from is None or price >= filters.price_from)
        and (filters.price_to is None or price <= filters.price_to)
        and (where is None or (item.attributes["colour"] == "blue") is not isinstance(where.expression, Not))
    )


@given(
    placement=st.sampled_from(PLACEMENTS),
    user_id=st.none() | st.sampled_from([*USER_IDS, "stranger"]),
    k=st.integers(1, 40),
    context=some_ids,
    exclude=some_ids,
    sold_out=some_ids,
    filters=some_filters,
)
def test_a_list_has_k_items_as_long_as_k_are_eligible(
    small_shop: Recommender,
    shop_events: list[Event],
    placement: str,
    user_id: str | None,
    k: int,
    context: list[str],
    exclude: list[str],
    sold_out: list[str],
    filters: Filters,
) -> None:
    gone = [Item(item_id=item_id, stock=0) for item_id in sold_out if item_id in ITEM_IDS]
    recommender = small_shop.with_catalogue(small_shop.catalogue.with_changes(gone))
    barred = {*context, *exclude, *sold_out}
    if placement in ("discover", "because", "because-viewed"):
        barred |= bought(shop_events, user_id)
    eligible = {item.item_id for item in small_items() if passes(item, filters)} - barred

    query = Query(NOW_MS, placement, k, user_id, context_item_ids=context, exclude=exclude, filters=filters)
    shown = [item.item_id for item in recommender.recommend(query).items]

    assert len(shown) == min(k, len(eligible))
    assert set(shown) <= eligible
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_same_query_gets_the_same_list(small_shop: Recommender, placement: str) -> None:
    query = Query(NOW_MS, placement, 10, "user-004", context_item_ids=("item-004",))
    assert small_shop.recommend(query) == small_shop.recommend(query)


def test_buy_again_starts_with_what_the_customer_buys_most(small_shop: Recommender, shop_events: list[Event]) -> None:
    mine = [event.item_id for event in shop_events if event.user_id == "user-007" and event.kind == Kind.PURCHASE]
    favourite = max(sorted(set(mine)), key=mine.count)
    recommendations = small_shop.recommend(Query(NOW_MS, "buy-again", 3, "user-007"))
    assert favourite in [item.item_id for item in recommendations.items[:2]]
    assert recommendations.fallback == "personal"
    assert recommendations.items[0].reason.code == "buy_again"
    assert recommendations.items[0].reason.because == (recommendations.items[0].item_id,)


def test_discover_shows_the_own_camp_and_nothing_bought_before(
    small_shop: Recommender, shop_events: list[Event]
) -> None:
    mine = bought(shop_events, "user-007")
    recommendations = small_shop.recommend(Query(NOW_MS, "discover", 2, "user-007"))
    assert recommendations.items
    for item in recommendations.items:
        assert item.item_id not in mine
        assert int(item.item_id[-3:]) % 2 == 1


def test_an_unknown_customer_gets_best_sellers_with_that_reason(small_shop: Recommender) -> None:
    recommendations = small_shop.recommend(Query(NOW_MS, "home", 5, "stranger"))
    assert len(recommendations.items) == 5
    assert recommendations.fallback == "popular"
    assert {item.reason.code for item in recommendations.items} == {"best_seller"}


def test_a_visitor_is_served_from_the_session(small_shop: Recommender) -> None:
    session = [Event("1", "", "item-003", Kind.VIEW, NOW_MS - 1_000), Event("2", "", "item-005", Kind.VIEW, NOW_MS)]
    recommendations = small_shop.recommend(Query(NOW_MS, "home", 4, None, session=session))
    assert recommendations.fallback == "session"
    assert all(int(item.item_id[-3:]) % 2 == 1 for item in recommendations.items)


def test_a_purchase_a_second_ago_counts_in_the_next_list(small_shop: Recommender) -> None:
    before = ids(small_shop, placement="discover", user_id="user-002", k=1)
    recent = [Event("new", "user-002", before[0], Kind.PURCHASE, NOW_MS - 1_000)]
    after = ids(small_shop, placement="discover", user_id="user-002", k=24, recent=recent)
    assert before[0] not in after
    assert ids(small_shop, placement="buy-again", user_id="user-002", k=24, recent=recent).index(before[0]) < 12


def test_a_dismissed_item_is_gone(small_shop: Recommender) -> None:
    first = ids(small_shop, user_id="user-002", k=1)[0]
    recent = [Event("no", "user-002", first, Kind.DISMISS, NOW_MS)]
    assert first not in ids(small_shop, user_id="user-002", k=24, recent=recent)


def test_an_item_added_after_training_is_reachable(small_shop: Recommender) -> None:
    newcomer = Item("brand-new", "Fresh", "category-9", price=3.0)
    recommender = small_shop.with_catalogue(small_shop.catalogue.with_changes([newcomer]))
    only = Filters(category_in=frozenset({"category-9"}))
    assert ids(recommender, user_id="user-001", k=5, filters=only) == ["brand-new"]


def test_an_item_put_back_on_sale_returns(small_shop: Recommender) -> None:
    first = ids(small_shop, user_id="user-001", k=1)[0]
    described = next(item for item in small_items() if item.item_id == first)
    empty = small_shop.catalogue.with_changes([Item(first, stock=0)])
    assert first not in ids(small_shop.with_catalogue(empty), user_id="user-001", k=24)
    refilled = empty.with_changes([described])
    assert ids(small_shop.with_catalogue(refilled), user_id="user-001", k=1) == [first]


def test_items_are_shown_only_while_they_are_available(small_shop: Recommender) -> None:
    later = Item("item-000", available_from_ms=NOW_MS + 1)
    over = Item("item-002", available_until_ms=NOW_MS)
    recommender = small_shop.with_catalogue(small_shop.catalogue.with_changes([later, over]))
    assert not {"item-000", "item-002"} & set(ids(recommender, user_id="user-002", k=24))


def test_similar_items_are_of_the_same_camp_and_not_the_item_itself(small_shop: Recommender) -> None:
    recommendations = small_shop.similar("item-004", k=5, now_ms=NOW_MS)
    assert "item-004" not in [item.item_id for item in recommendations.items]
    assert all(int(item.item_id[-3:]) % 2 == 0 for item in recommendations.items)
    assert recommendations.items[0].reason.because == ("item-004",)


def test_unknown_items_and_placements_are_named(small_shop: Recommender) -> None:
    with pytest.raises(UnknownItem, match="no-such-thing"):
        small_shop.similar("no-such-thing", k=5, now_ms=NOW_MS)
    with pytest.raises(UnknownPlacement, match="did you mean 'home'"):
        small_shop.recommend(Query(NOW_MS, "hmoe"))


def test_ranks_count_from_one_and_names_are_there(small_shop: Recommender) -> None:
    recommendations = small_shop.recommend(Query(NOW_MS, "home", 6, "user-010"))
    assert [item.rank for item in recommendations.items] == [1, 2, 3, 4, 5, 6]
    assert all(item.name and item.name.startswith("Product ") for item in recommendations.items)
    assert recommendations.model_version == small_shop.bundle.manifest.version


def test_one_click_long_after_the_last_training_does_not_fade_what_was_known(small_shop: Recommender) -> None:
    def bought_again(*recent: Event) -> dict[str, float]:
        query = Query(NOW_MS, "buy-again", user_id="user-002", recent=recent)
        return {item.item_id: item.score for item in small_shop.recommend(query).items if item.source == "buy_again"}

    view = Event("e", "user-002", "item-001", Kind.VIEW, NOW_MS)
    soon, late = (view._replace(at_ms=NOW_MS + round(days * DAY_MS)) for days in (28, 4_000))
    assert min(bought_again().values()) > 0
    assert bought_again(late) == bought_again(soon)


def test_a_rated_item_is_not_shown_in_discover(small_shop: Recommender) -> None:
    first = ids(small_shop, placement="discover", user_id="user-002")[0]
    rated = Event("e", "user-002", first, Kind.RATING, NOW_MS, rating=5.0)
    assert first not in ids(small_shop, placement="discover", user_id="user-002", recent=[rated], k=100)

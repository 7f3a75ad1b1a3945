"""Item cold start: items added after training are found by their features at once, and flood no list."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.ranking.context.context import resolve
from recsys.ranking.placements import Placement
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
NEW = Item("new-even", "Product new", "category-0", "brand-0", price=3.0)
OTHER = Item("new-odd", "Product new", "category-1", "brand-1", price=3.0)
STRANGE = Item("strange", "Something else", "category-9", "brand-9", price=3.0)

With = Callable[..., Recommender]


@pytest.fixture
def shop_with(small_shop: Recommender) -> With:
    """The small shop after these items were added."""

    def put(*items: Item) -> Recommender:
        return small_shop.with_catalogue(small_shop.catalogue.with_changes(items))

    return put


def ids(recommendations: RecommendationList) -> list[str]:
    return [item.item_id for item in recommendations.items]


def recommend(shop: Recommender, placement: str = "discover", k: int = 6, **known: object) -> RecommendationList:
    return shop.recommend(Query(NOW_MS, placement, k, **known))  # type: ignore[arg-type]


def test_a_new_item_stands_beside_the_items_of_its_kind(shop_with: With) -> None:
    shop = shop_with(NEW, OTHER, STRANGE)

    recommendations = shop.similar("item-004", k=6, now_ms=NOW_MS)

    new = [item for item in recommendations.items if item.source == "new_arrivals"]
    assert [item.item_id for item in new] == ["new-even"]
    assert new[0].reason.text == "New in category-0"
    assert new[0].rank > 1
    assert {"new-odd", "strange"}.isdisjoint(ids(recommendations))


def test_only_customers_who_like_its_kind_discover_a_new_item(shop_with: With) -> None:
    shop = shop_with(NEW)

    assert "new-even" in ids(recommend(shop, k=4, user_id="user-002"))
    assert "new-even" not in ids(recommend(shop, k=4, user_id="user-003"))


def test_a_name_like_a_known_one_is_enough_on_a_product_page(shop_with: With) -> None:
    named = Item("named", "Product 99", price=1.0)

    assert "named" in ids(shop_with(named).similar("item-004", k=6, now_ms=NOW_MS))
    assert "strange" not in ids(shop_with(STRANGE).similar("item-004", k=6, now_ms=NOW_MS))


def test_a_hundred_new_items_get_one_place_in_ten(shop_with: With) -> None:
    shop = shop_with(*(Item(f"new-{at:03}", "Product", "category-0", "brand-0") for at in range(100)))

    for k, most in ((3, 0), (10, 1), (24, 2)):
        new = [
            item
            for item in recommend(shop, "product", k, context_item_ids=["item-004"]).items
            if item.source == "new_arrivals"
        ]
        assert len(new) == most


def test_equal_new_items_take_turns_between_product_pages(shop_with: With) -> None:
    shop = shop_with(*(Item(f"new-{at}", "Product", "category-0") for at in range(4)))
    beside = [f"item-{at:03}" for at in range(0, 24, 4)]

    shown = {ids(shop.similar(item_id, k=10, now_ms=NOW_MS))[5] for item_id in beside}

    assert len(shown) > 1
    assert shown <= {f"new-{at}" for at in range(4)}


def test_a_sold_out_new_item_is_gone(shop_with: With) -> None:
    shop = shop_with(NEW)
    gone = shop.with_catalogue(shop.catalogue.with_changes([Item("new-even", category="category-0", stock=0)]))

    assert "new-even" in ids(shop.similar("item-004", k=24, now_ms=NOW_MS))
    assert "new-even" not in ids(gone.similar("item-004", k=100, now_ms=NOW_MS))


def test_the_page_of_a_new_item_shows_best_sellers_of_its_kind(shop_with: With) -> None:
    recommendations = shop_with(NEW).similar("new-even", k=5, now_ms=NOW_MS)

    assert [int(item_id[-3:]) % 4 for item_id in ids(recommendations)] == [0] * 5
    assert recommendations.fallback == "segment"


@pytest.mark.parametrize("how", ["session", "recent"])
def test_the_first_click_on_a_new_item_leads_to_its_kind(shop_with: With, how: str) -> None:
    shop = shop_with(NEW)
    click = Event("e", "visitor", "new-even", Kind.VIEW, NOW_MS)

    before = recommend(shop, "home", 5, user_id="visitor")
    after = recommend(shop, "home", 5, user_id="visitor", **{how: [click]})

    assert before.fallback == "popular"
    assert after.fallback == "segment"
    assert [int(item_id[-3:]) % 4 for item_id in ids(after)] == [0] * 5


def test_the_first_click_on_a_known_item_leads_to_items_that_go_with_it(small_shop: Recommender) -> None:
    click = Event("e", "visitor", "item-003", Kind.VIEW, NOW_MS)

    recommendations = recommend(small_shop, "home", 4, session=[click])

    assert recommendations.fallback == "session"
    assert {int(item_id[-3:]) % 2 for item_id in ids(recommendations)} == {1}


def test_a_new_item_that_was_bought_or_dismissed_is_not_shown_in_discover(shop_with: With) -> None:
    shop = shop_with(NEW)

    for kind in (Kind.PURCHASE, Kind.DISMISS):
        event = Event(f"e{kind}", "user-002", "new-even", kind, NOW_MS)
        assert "new-even" not in ids(recommend(shop, k=100, user_id="user-002", recent=[event]))


def test_an_item_that_was_put_on_sale_lately_is_as_new(small_shop: Recommender) -> None:
    never_bought = small_shop.engine.popularity.weight <= 0
    lately = Item("item-000", "Product 0", "category-0", available_from_ms=NOW_MS - DAY_MS)
    shop = small_shop.with_catalogue(small_shop.catalogue.with_changes([lately]))

    assert not never_bought.any()
    recommendations = recommend(shop, "product", 10, context_item_ids=["item-004"])
    assert "new_arrivals" not in {
        item.source for item in recommendations.items
    }  # its buyers are known: no place is kept for it


@given(
    k=st.integers(1, 40),
    n_new=st.integers(0, 30),
    sold_out=st.sets(st.integers(0, 29)),
    placement=st.sampled_from(["discover", "product", "home"]),
    context=st.lists(st.sampled_from(["item-004", "new-00", "item-001"]), max_size=2),
    slots=st.integers(0, 10),
)
def test_new_items_make_no_list_shorter_longer_or_double(
    small_shop: Recommender,
    k: int,
    n_new: int,
    sold_out: set[int],
    placement: str,
    context: Sequence[str],
    slots: int,
) -> None:
    new = [
        Item(f"new-{at:02}", "Product", f"category-{at % 5}", stock=float(at not in sold_out)) for at in range(n_new)
    ]
    shop = small_shop.with_catalogue(small_shop.catalogue.with_changes(new))
    shop = replace(shop, placements={"asked": _with_slots(small_shop.placements[placement], slots)})
    on_sale = {item.item_id for item in [*small_items(), *new] if item.stock != 0} - set(context)

    recommendations = recommend(shop, "asked", k, context_item_ids=context)

    assert len(recommendations.items) == len(set(ids(recommendations))) == min(k, len(on_sale))
    assert set(ids(recommendations)) <= on_sale


def _with_slots(placement: Placement, slots: int) -> Placement:
    return placement.model_copy(update={"arrivals": slots})


def test_a_shop_without_new_items_looks_for_none(small_shop: Recommender) -> None:
    recommendations = recommend(small_shop, "product", 10, context_item_ids=["item-004"])

    assert "new_arrivals" not in {item.source for item in recommendations.items}
    assert np.isinf(small_shop.catalogue.opens).all()


@pytest.mark.parametrize(("n_back", "is_liked"), [(0.0, True), (1.0, True), (2.0, False)])
def test_a_new_item_that_was_sent_back_whole_shows_no_taste(shop_with: With, n_back: float, is_liked: bool) -> None:
    shop = shop_with(NEW)
    bought = Event("1", "anybody", NEW.item_id, Kind.PURCHASE, NOW_MS - 9, 2.0)
    back = Event("2", "anybody", NEW.item_id, Kind.RETURN, NOW_MS - 3, n_back)
    query = Query(NOW_MS, "discover", 6, "anybody", recent=[bought, back] if n_back else [bought])
    for one_query in (query, replace(query, recent=(), session=query.recent)):
        cold = resolve(one_query, shop.placements["discover"], shop.engine, shop.catalogue).cold_items
        assert set(cold.tolist()) == ({shop.catalogue.position(NEW.item_id)} if is_liked else set())

"""Who bought an item and sent it back is not told that they chose it, and no list or row follows from it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from recsys.data.events import Event, Kind
from recsys.ranking.context.context import resolve
from recsys.ranking.placements import Placement
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rows.rows import build_rows
from recsys.testing import NOW
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
ITEM = "item-010"


def happened(kind: Kind, days: float, order: str | None = "o1", item_id: str = ITEM, quantity: float = 1.0) -> Event:
    return Event(
        f"{kind}{days}{item_id}", "anybody", item_id, kind, NOW_MS + round(days * DAY_MS), quantity, 9.0, order
    )


SEEN, BOUGHT, BACK = happened(Kind.VIEW, 0.1, None), happened(Kind.PURCHASE, 0.2), happened(Kind.RETURN, 0.9)
AGAIN = happened(Kind.PURCHASE, 2.0, "o2")
OTHER = happened(Kind.PURCHASE, 0.3, "o3", "item-001")


def because_of(shop: Recommender, query: Query) -> Iterator[str]:
    """The items that any list or row for this query says it follows from."""
    for name in shop.placements:
        for item in shop.recommend(replace(query, placement=name)).items:
            yield from item.reason.because if item.reason.code != "buy_again" else ()
    for row in build_rows(shop, query, sorted(shop.placements)).rows:
        yield from row.because


def query_of(recent: Sequence[Event], user_id: str = "anybody") -> Query:
    return Query(NOW_MS + 3 * DAY_MS, "home", 8, user_id, recent=recent)


@pytest.mark.parametrize(
    ("recent", "is_named"),
    [
        ([SEEN, BOUGHT], True),
        ([SEEN, BOUGHT, BACK], False),
        ([SEEN, BOUGHT, BACK, OTHER], False),
        ([BOUGHT, BOUGHT, BACK, BACK], False),
        ([BOUGHT, BACK._replace(order_id="credit-note")], False),
        ([BOUGHT._replace(quantity=3.0), BACK], True),
        ([BOUGHT, BACK, AGAIN], True),
    ],
)
def test_a_list_names_what_a_customer_kept_and_not_what_they_sent_back(
    small_shop: Recommender, recent: list[Event], is_named: bool
) -> None:
    assert (ITEM in set(because_of(small_shop, query_of(recent)))) == is_named


def test_a_purchase_that_the_release_holds_can_be_sent_back(small_shop: Recommender, shop_events: list[Event]) -> None:
    times = Counter(
        event.item_id for event in shop_events if event.user_id == "user-004" and event.kind == Kind.PURCHASE
    )
    once = min(item_id for item_id, n in times.items() if n == 1)
    bought, back = (happened(kind, 1, None, once) for kind in (Kind.VIEW, Kind.RETURN))
    assert once in set(because_of(small_shop, query_of([bought], "user-004")))
    assert once not in set(because_of(small_shop, query_of([bought, back], "user-004")))


def test_what_was_sent_back_anchors_nothing_but_the_page_it_is_on(small_shop: Recommender) -> None:
    ten = small_shop.catalogue.position(ITEM)

    def anchors(query: Query) -> list[int]:
        context = resolve(query, Placement(sources=("similar",)), small_shop.engine, small_shop.catalogue)
        return list(context.anchors().item.tolist())

    assert anchors(query_of([BOUGHT])) == [ten]
    assert anchors(query_of([BOUGHT, BACK])) == []
    session = replace(query_of([]), session=[BOUGHT, BACK, OTHER])
    assert anchors(session) == [small_shop.catalogue.position("item-001")]
    assert anchors(replace(query_of([BOUGHT, BACK]), context_item_ids=[ITEM])) == [ten]


def test_what_was_sent_back_is_not_offered_again(small_shop: Recommender) -> None:
    shown = small_shop.recommend(replace(query_of([BOUGHT, BACK]), placement="discover", k=30)).items
    again = small_shop.recommend(replace(query_of([BOUGHT, BACK, OTHER]), placement="buy-again", k=1)).items
    assert ITEM not in [item.item_id for item in shown]
    assert again[0].item_id == OTHER.item_id


def test_look_alikes_share_what_both_kept(small_shop: Recommender) -> None:
    def shared(recent: Sequence[Event]) -> set[str]:
        similar = small_shop.lookalikes("anybody", recent, k=30, has_consent=lambda user_id: True)
        return {item_id for lookalike in similar for item_id in lookalike.shared}

    kept = happened(Kind.PURCHASE, 0.3, "o3", "item-000")
    assert shared([BOUGHT, kept]) == {ITEM, "item-000"}
    assert shared([BOUGHT, kept, BACK]) == {"item-000"}

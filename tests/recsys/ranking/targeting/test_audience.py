"""An audience is those who are most likely to buy, by the same chances as everybody's own list."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.engine.calibration import Calibration
from recsys.errors import UnknownAttribute, UnknownItem
from recsys.models.base import OwnItemsModel
from recsys.ranking.filters.parser import parse_filter
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.targeting import audience
from recsys.ranking.targeting.audience import AudienceMember
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
ITEM_IDS = [item.item_id for item in small_items()]


def everybody(_user_id: str) -> bool:
    return True


@pytest.fixture(scope="module")
def shop(small_shop: Recommender) -> Recommender:
    """The small shop, old enough for curves."""
    steps = np.linspace(0.01, 1, 50)
    chances = {"buy_again": Calibration(steps * 2, steps), "discover": Calibration(steps / 5, steps / 2)}
    return replace(small_shop, engine=replace(small_shop.engine, calibrations=chances))


def fans(
    shop: Recommender,
    item_id: str | None,
    where: object = None,
    *,
    limit: int = 100,
    has_consent: Callable[[str], bool] = everybody,
) -> list[AudienceMember]:
    asked = None if where is None else parse_filter(where)
    return shop.audience(item_id, where=asked, now_ms=NOW_MS, limit=limit, has_consent=has_consent)


@settings(max_examples=15)
@given(item_id=st.sampled_from(ITEM_IDS), limit=st.integers(1, 80))
def test_an_audience_is_the_best_of_all_customers_by_their_own_chances(
    shop: Recommender, item_id: str, limit: int
) -> None:
    found = fans(shop, item_id, limit=limit)
    users = [shop.engine.users[at] for at in range(len(shop.engine.users))]
    ranked = (shop.rank(Query(NOW_MS, user_id=user), [item_id]).items[0] for user in users)
    chance_by_user = {
        user: item.score if item.source in ("buy_again", "discover") else 0.0
        for user, item in zip(users, ranked, strict=True)
    }
    likely = sorted((chance for chance in chance_by_user.values() if chance > 0), reverse=True)
    assert [one.score for one in found] == pytest.approx(likely[:limit], rel=1e-3, abs=1e-6)
    assert [one.score for one in found] == pytest.approx([chance_by_user[one.user_id] for one in found], abs=1e-6)
    assert len({one.user_id for one in found}) == len(found)


def test_those_who_buy_an_item_come_first_and_their_camp_before_the_other(
    shop: Recommender, shop_events: list[Event]
) -> None:
    buyers = {event.user_id for event in shop_events if event.item_id == "item-004" and event.kind == Kind.PURCHASE}
    found = fans(shop, "item-004", limit=20)
    assert {int(one.user_id[-3:]) % 2 for one in found} == {0}
    assert {one.user_id for one in found if one.source == "buy_again"} <= buyers
    assert found[0].user_id in buyers


def test_of_those_equally_likely_whose_history_says_more_comes_first(shop: Recommender) -> None:
    model = cast(OwnItemsModel, shop.engine.models["buy_again"])
    item = shop.catalogue.position("item-004")

    def says(user_id: str) -> float:
        items, scores = model.score_own(shop.engine.history_of(user_id))
        return float(scores[items == item][0])

    sure = [one for one in fans(shop, "item-004", limit=30) if one.score == 1.0 and one.source == "buy_again"]
    said = [says(one.user_id) for one in sure]
    assert len(set(said)) > 1
    assert said == sorted(said, reverse=True)


def test_who_said_no_is_left_out_and_others_take_their_places(shop: Recommender) -> None:
    all_of_them = [one.user_id for one in fans(shop, "item-004", limit=12)]
    refused = set(all_of_them[:4])
    assert [
        one.user_id for one in fans(shop, "item-004", limit=8, has_consent=lambda user: user not in refused)
    ] == all_of_them[4:]


def test_the_audience_of_many_items_is_told_which_one_each_wants_most(shop: Recommender) -> None:
    blue = fans(shop, None, {"colour": "blue"}, limit=60)
    assert {one.item_id for one in blue} <= {"item-000", "item-005", "item-010", "item-015", "item-020"}
    alone = {one.user_id: one.score for one in fans(shop, "item-005", limit=60)}
    assert all(one.score >= alone.get(one.user_id, 0.0) - 1e-6 for one in blue)
    assert {int(one.user_id[-3:]) % 2 == int(one.item_id[-3:]) % 2 for one in blue[:20]} == {True}


def test_of_a_filter_only_what_is_on_sale_counts_and_nothing_found_is_nobody(shop: Recommender) -> None:
    gone = shop.with_catalogue(shop.catalogue.with_changes([Item("item-004", "Gone", stock=0)]))
    assert fans(gone, None, {"item_id": "item-004"}) == []
    assert fans(gone, "item-004", limit=1) == fans(shop, "item-004", limit=1)
    with pytest.raises(UnknownItem):
        fans(shop, "nothing")
    with pytest.raises(UnknownAttribute):
        fans(shop, None, {"color": "red"})


def test_an_item_nobody_could_buy_yet_is_for_those_who_like_its_kind(shop: Recommender) -> None:
    new = Item("brand-new", "New", category="category-1", brand="brand-1")
    found = fans(shop.with_catalogue(shop.catalogue.with_changes([new])), "brand-new", limit=20)
    assert {one.source for one in found} == {"new_arrivals"}
    assert {int(one.user_id[-3:]) % 2 for one in found} == {1}
    assert all(0 < one.score <= 1 for one in found)


def test_of_more_customers_than_can_be_asked_those_near_the_item_are(
    shop: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fans(shop, "item-004", limit=8)
    monkeypatch.setattr(audience, "MOST_SCORED", 30)
    monkeypatch.setattr(audience, "EVENTS_AT_ONCE", 200)
    assert fans(shop, "item-004", limit=8) == whole
    assert len(fans(shop, "item-004", limit=15)) == 15


def test_a_shop_too_young_for_curves_has_audiences_too(small_shop: Recommender) -> None:
    found = fans(small_shop, "item-004", limit=10)
    assert {int(one.user_id[-3:]) % 2 for one in found} == {0}
    assert all(0 < one.score <= 1 for one in found)


def test_customers_alike_are_of_the_same_camp_and_never_the_customer(shop: Recommender) -> None:
    found = shop.lookalikes("user-004", (), k=10, has_consent=everybody)
    assert len(found) == 10
    assert {int(one.user_id[-3:]) % 2 for one in found} == {0}
    assert "user-004" not in {one.user_id for one in found}
    assert all(0 < one.likeness <= 1 and one.shared for one in found)
    assert [one.likeness for one in found] == sorted((one.likeness for one in found), reverse=True)


def test_what_a_newcomer_did_a_moment_ago_finds_their_like(shop: Recommender) -> None:
    assert shop.lookalikes("nobody", (), k=5, has_consent=everybody) == []
    recent = [Event("e", "nobody", "item-003", Kind.PURCHASE, NOW_MS)]
    found = shop.lookalikes("nobody", recent, k=5, has_consent=lambda user: user != "user-001")
    assert {int(one.user_id[-3:]) % 2 for one in found} == {1}
    assert all(one.shared == ("item-003",) for one in found)
    assert "user-001" not in {one.user_id for one in found}

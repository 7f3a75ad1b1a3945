"""Audiences and look-alikes: the customers most likely to buy, by the same probabilities as their own lists."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.customers.prediction.logistic import LogisticModel
from recsys.customers.prediction.needs import NeedsModel
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.engine.calibration import Calibration
from recsys.errors import UnknownAttribute, UnknownItem
from recsys.models.base import OwnItemsModel
from recsys.ranking.filters.parser import parse_filter
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.targeting import audience
from recsys.ranking.targeting.audience import AudienceMember, AudienceScope
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


def audience_of(
    shop: Recommender,
    item_id: str | None,
    where: object = None,
    *,
    limit: int = 100,
    has_consent: Callable[[str], bool] = everybody,
) -> list[AudienceMember]:
    condition = None if where is None else parse_filter(where)
    return shop.audience(item_id, where=condition, now_ms=NOW_MS, limit=limit, has_consent=has_consent)


@settings(max_examples=15)
@given(item_id=st.sampled_from(ITEM_IDS), limit=st.integers(1, 80))
def test_an_audience_holds_the_customers_with_the_highest_probabilities(
    shop: Recommender, item_id: str, limit: int
) -> None:
    members = audience_of(shop, item_id, limit=limit)
    users = [shop.engine.users[at] for at in range(len(shop.engine.users))]
    ranked = (shop.rank(Query(NOW_MS, user_id=user), [item_id]).items[0] for user in users)
    chance_by_user = {
        user: item.score if item.source in ("buy_again", "discover") else 0.0
        for user, item in zip(users, ranked, strict=True)
    }
    likely = sorted((chance for chance in chance_by_user.values() if chance > 0), reverse=True)
    assert [member.score for member in members] == pytest.approx(likely[:limit], rel=1e-3, abs=1e-6)
    assert [member.score for member in members] == pytest.approx(
        [chance_by_user[member.user_id] for member in members], abs=1e-6
    )
    assert len({member.user_id for member in members}) == len(members)


def test_those_who_buy_an_item_come_first_and_their_camp_before_the_other(
    shop: Recommender, shop_events: list[Event]
) -> None:
    buyers = {event.user_id for event in shop_events if event.item_id == "item-004" and event.kind == Kind.PURCHASE}
    members = audience_of(shop, "item-004", limit=20)
    assert {int(member.user_id[-3:]) % 2 for member in members} == {0}
    assert {member.user_id for member in members if member.source == "buy_again"} <= buyers
    assert members[0].user_id in buyers


def test_of_equally_likely_customers_the_higher_score_comes_first(shop: Recommender) -> None:
    model = cast(OwnItemsModel, shop.engine.models["buy_again"])
    item = shop.catalogue.position("item-004")

    def says(user_id: str) -> float:
        items, scores = model.score_own(shop.engine.history_of(user_id))
        return float(scores[items == item][0])

    sure = [
        member
        for member in audience_of(shop, "item-004", limit=30)
        if member.score == 1.0 and member.source == "buy_again"
    ]
    said = [says(member.user_id) for member in sure]
    assert len(set(said)) > 1
    assert said == sorted(said, reverse=True)


def test_customers_without_consent_are_left_out_and_others_take_their_places(shop: Recommender) -> None:
    all_of_them = [member.user_id for member in audience_of(shop, "item-004", limit=12)]
    refused = set(all_of_them[:4])
    assert [
        member.user_id
        for member in audience_of(shop, "item-004", limit=8, has_consent=lambda user: user not in refused)
    ] == all_of_them[4:]


def test_the_audience_of_many_items_names_the_most_likely_item_of_each_customer(shop: Recommender) -> None:
    blue = audience_of(shop, None, {"colour": "blue"}, limit=60)
    assert {member.item_id for member in blue} <= {"item-000", "item-005", "item-010", "item-015", "item-020"}
    alone = {member.user_id: member.score for member in audience_of(shop, "item-005", limit=60)}
    assert all(member.score >= alone.get(member.user_id, 0.0) - 1e-6 for member in blue)
    assert {int(member.user_id[-3:]) % 2 == int(member.item_id[-3:]) % 2 for member in blue[:20]} == {True}


def test_only_items_on_sale_that_pass_the_filter_count_and_none_have_no_audience(shop: Recommender) -> None:
    gone = shop.with_catalogue(shop.catalogue.with_changes([Item("item-004", "Gone", stock=0)]))
    assert audience_of(gone, None, {"item_id": "item-004"}) == []
    assert audience_of(gone, "item-004", limit=1) == audience_of(shop, "item-004", limit=1)
    with pytest.raises(UnknownItem):
        audience_of(shop, "nothing")
    with pytest.raises(UnknownAttribute):
        audience_of(shop, None, {"color": "red"})


def test_the_audience_of_a_new_item_likes_its_category(shop: Recommender) -> None:
    new = Item("brand-new", "New", category="category-1", brand="brand-1")
    members = audience_of(shop.with_catalogue(shop.catalogue.with_changes([new])), "brand-new", limit=20)
    assert {member.source for member in members} == {"new_arrivals"}
    assert {int(member.user_id[-3:]) % 2 for member in members} == {1}
    assert all(0 < member.score <= 1 for member in members)


def test_of_too_many_customers_those_near_the_item_are_scored(
    shop: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = audience_of(shop, "item-004", limit=8)
    monkeypatch.setattr(audience, "MOST_SCORED", 30)
    monkeypatch.setattr(audience, "EVENTS_AT_ONCE", 200)
    assert audience_of(shop, "item-004", limit=8) == whole
    assert len(audience_of(shop, "item-004", limit=15)) == 15


def test_a_shop_too_young_for_curves_has_audiences_too(small_shop: Recommender) -> None:
    members = audience_of(small_shop, "item-004", limit=10)
    assert {int(member.user_id[-3:]) % 2 for member in members} == {0}
    assert all(0 < member.score <= 1 for member in members)


def test_lookalikes_are_of_the_same_camp_and_never_the_customer(shop: Recommender) -> None:
    lookalikes = shop.lookalikes("user-004", (), k=10, has_consent=everybody)
    assert len(lookalikes) == 10
    assert {int(lookalike.user_id[-3:]) % 2 for lookalike in lookalikes} == {0}
    assert "user-004" not in {lookalike.user_id for lookalike in lookalikes}
    assert all(0 < lookalike.likeness <= 1 and lookalike.shared for lookalike in lookalikes)
    assert [lookalike.likeness for lookalike in lookalikes] == sorted(
        (lookalike.likeness for lookalike in lookalikes), reverse=True
    )


def test_the_newest_events_of_a_new_customer_find_lookalikes(shop: Recommender) -> None:
    assert shop.lookalikes("nobody", (), k=5, has_consent=everybody) == []
    recent = [Event("e", "nobody", "item-003", Kind.PURCHASE, NOW_MS)]
    lookalikes = shop.lookalikes("nobody", recent, k=5, has_consent=lambda user: user != "user-001")
    assert {int(lookalike.user_id[-3:]) % 2 for lookalike in lookalikes} == {1}
    assert all(lookalike.shared == ("item-003",) for lookalike in lookalikes)
    assert "user-001" not in {lookalike.user_id for lookalike in lookalikes}


def test_chances_grow_with_the_horizon_and_none_at_the_top_are_equal(shop: Recommender) -> None:
    models = [LogisticModel(np.zeros(4), np.ones(4), np.array([0.4, -0.2, 0.0, 0.1]), b) for b in (-2.0, -1.0, 0.0)]
    with_needs = replace(shop, engine=replace(shop.engine, needs=NeedsModel(*models)))
    chances = []
    for days in (7, 14, 28):
        members = with_needs.audience(
            "item-004", now_ms=NOW_MS, limit=20, has_consent=everybody, scope=AudienceScope(days=days)
        )
        again = {member.user_id: member.score for member in members if member.source == "buy_again"}
        assert len(set(again.values())) == len(again) > 5
        chances.append(again)
    assert all(chances[0][user] < chances[1][user] < chances[2][user] for user in set.intersection(*map(set, chances)))


def test_an_audience_holds_only_those_among_whom_it_is_looked_for(shop: Recommender) -> None:
    among = np.arange(len(shop.engine.users)) % 3 == 0
    members = shop.audience("item-004", now_ms=NOW_MS, limit=100, has_consent=everybody, scope=AudienceScope(among))
    assert members
    assert all(among[shop.engine.users.position(member.user_id)] for member in members)


def test_an_audience_ends_where_its_pause_says_so(shop: Recommender) -> None:
    paused = []

    def pause() -> None:
        paused.append(1)
        if len(paused) == 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        shop.audience("item-000", now_ms=0, limit=5, has_consent=lambda _: True, scope=AudienceScope(pause=pause))
    assert len(paused) == 3

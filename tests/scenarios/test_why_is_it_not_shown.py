"""A marketer asks why a product is not shown: every cause has its sentence, and the sentence is true."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from recsys.data.catalogue.catalogue import build_never_show
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.ranking.diagnostics.why_not import WhyNot, why_not
from recsys.ranking.filters.spec import Filters
from recsys.ranking.query import ListOptions, Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.parser import RulesIn, parse_rules, to_toml
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
PLACEMENTS = ("home", "discover", "product")
ITEM_BY_ID = {item.item_id: item for item in small_items()}


def ruled(recommender: Recommender, *rules: dict[str, Any]) -> Recommender:
    named = [{"id": f"rule-{at}", "reason": "It is meant so.", **rule} for at, rule in enumerate(rules)]
    return recommender.with_rules(parse_rules(to_toml(RulesIn.model_validate({"rules": named})), PLACEMENTS))


def changed(recommender: Recommender, item: Item) -> Recommender:
    return recommender.with_catalogue(recommender.catalogue.with_changes([item]))


def ids(recommender: Recommender, ask: Query) -> list[str]:
    return [item.item_id for item in recommender.recommend(ask).items]


def home(k: int = 5, **more: Any) -> Query:
    return Query(NOW_MS, "home", k, "user-004", **more)


@pytest.fixture(scope="module")
def first(small_shop: Recommender) -> str:
    return ids(small_shop, home())[0]


def found(recommender: Recommender, ask: Query, item_id: str, item: Item | None = None) -> WhyNot:
    """The verdict, which must agree with the list itself."""
    verdict = why_not(recommender, ask, item_id, item)
    shown = ids(recommender, ask)
    assert verdict.place == (shown.index(item_id) + 1 if item_id in shown else None)
    assert verdict.cause.text.endswith(".")
    assert verdict.cause.text[0].isupper()
    return verdict


def test_an_item_nobody_heard_of(small_shop: Recommender) -> None:
    assert found(small_shop, home(), "no-such-thing").cause.code == "unknown_item"


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"category": "FEES"}, "never_shown", "category is 'FEES'"),
        ({"attributes": {"kind": "x"}}, "never_shown", "kind is 'x'"),
        ({"deleted": True}, "deleted", "deleted"),
        ({}, "not_listed", "train anew"),
    ],
)
def test_a_stored_item_that_the_release_was_made_without(
    small_shop: Recommender, fields: dict[str, Any], code: str, words: str
) -> None:
    never_show = build_never_show({"kind": ["x"], "category": ["FEES"]})
    shop = small_shop.with_catalogue(replace(small_shop.catalogue, never_show=never_show))
    verdict = found(shop, home(), "bag-fee", Item("bag-fee", "Bag fee", **fields))
    assert (verdict.cause.code, verdict.name) == (code, "Bag fee")
    assert words in verdict.cause.text


def test_an_item_that_is_in_the_list(small_shop: Recommender, first: str) -> None:
    verdict = found(small_shop, home(), first)
    assert (verdict.cause.code, verdict.place, verdict.rank) == ("shown", 1, 1)
    assert "place 1 of 5" in verdict.cause.text
    assert verdict.sources


def gone(first: str, **fields: Any) -> Item:
    return replace(ITEM_BY_ID[first], **fields)


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"stock": 0}, "sold_out", "its stock is 0"),
        ({"available_from_ms": NOW_MS + 1_000}, "not_yet_available", "2017-11-30T00:00:01"),
        ({"available_until_ms": NOW_MS}, "no_longer_available", "2017-11-30T00:00:00"),
        ({"deleted": True}, "deleted", "deleted"),
    ],
)
def test_an_item_that_cannot_be_bought(
    small_shop: Recommender, first: str, fields: dict[str, Any], code: str, words: str
) -> None:
    item = gone(first, **fields)
    verdict = found(changed(small_shop, item), home(), first, item)
    assert verdict.cause.code == code
    assert words in verdict.cause.text


def test_an_item_of_a_kind_that_is_never_shown(small_shop: Recommender, first: str) -> None:
    hidden = replace(small_shop.catalogue, never_show=build_never_show({"colour": ["red", "blue"]}))
    item = gone(first)
    verdict = found(changed(small_shop.with_catalogue(hidden), item), home(), first, item)
    assert verdict.cause.code == "never_shown"
    assert verdict.cause.facts["field"] == "colour"


def test_an_item_that_the_question_itself_leaves_out(small_shop: Recommender, first: str) -> None:
    assert found(small_shop, home(exclude=[first]), first).cause.code == "excluded"
    assert found(small_shop, home(context_item_ids=[first]), first).cause.code == "in_context"
    price = ITEM_BY_ID[first].price or 0.0
    filters = Filters(price_from=price + 0.5, category_in=frozenset({ITEM_BY_ID[first].category or ""}))
    verdict = found(small_shop, home(filters=filters), first)
    assert (verdict.cause.code, verdict.cause.facts["filters"]) == ("filtered", ["price_from"])


def test_an_item_the_customer_dismissed(small_shop: Recommender, first: str) -> None:
    event = Event("no", "user-004", first, Kind.DISMISS, NOW_MS)
    verdict = found(small_shop, replace(home(recent=[event]), now_ms=NOW_MS + 3 * DAY_MS), first)
    assert verdict.cause.code == "dismissed"
    assert "3 days ago" in verdict.cause.text


def test_an_item_bought_before_where_only_new_things_stand(small_shop: Recommender) -> None:
    ask = Query(NOW_MS, "discover", 5, "user-004")
    new = ids(small_shop, ask)[0]
    event = Event("bought-new", "user-004", new, Kind.PURCHASE, NOW_MS - 12 * DAY_MS)
    verdict = found(small_shop, replace(ask, recent=[event]), new)
    assert (verdict.cause.code, verdict.cause.facts) == ("bought_before", {"days_ago": 12})
    assert "bought it 12 days ago" in verdict.cause.text
    rated = found(small_shop, replace(ask, recent=[event._replace(kind=Kind.RATING, rating=4.0)]), new)
    assert rated.cause.code == "rated_before"


def test_a_newcomer_dismissed_or_bought_is_known_too(small_shop: Recommender) -> None:
    shop = changed(small_shop, Item("fresh", "Fresh", "category-0", "brand-0"))
    for kind, code in ((Kind.DISMISS, "dismissed"), (Kind.PURCHASE, "bought_before")):
        event = Event("did-fresh", "user-004", "fresh", kind, NOW_MS - 1)
        ask = Query(NOW_MS, "discover", 5, "user-004", recent=[event])
        assert found(shop, ask, "fresh").cause.code == code


Rule = dict[str, Any]
RULES: list[tuple[str, Callable[[str, list[str]], list[Rule]]]] = [
    ("blocked_by_rule", lambda first, rest: [{"kind": "block", "items": [first]}]),
    ("buried_by_rule", lambda first, rest: [{"kind": "bury", "items": [first]}]),
    ("lowered_by_rule", lambda first, rest: [{"kind": "boost", "factor": 0.1, "items": [first]}]),
    ("outdone_by_rules", lambda first, rest: [{"kind": "pin", "slot": 1, "items": rest[-2:]}]),
    (
        "capped",
        lambda first, rest: [
            {"kind": "cap", "per": "brand", "most": 1},
            {"kind": "pin", "slot": 1, "items": [same_brand(first, rest)]},
        ],
    ),
]


def same_brand(first: str, others: list[str]) -> str:
    return next(one for one in others if ITEM_BY_ID[one].brand == ITEM_BY_ID[first].brand)


@pytest.mark.parametrize(("code", "rules"), RULES, ids=[code for code, _ in RULES])
def test_an_item_that_a_rule_takes_out_or_moves_away(
    small_shop: Recommender, first: str, code: str, rules: Callable[[str, list[str]], list[Rule]]
) -> None:
    rest = ids(small_shop, home(24))[1:]
    shop = ruled(small_shop, *rules(first, rest))
    verdict = found(shop, home(2), first)
    assert verdict.cause.code == code
    if code != "capped":
        assert "rule-0" in verdict.cause.text
    else:
        assert verdict.cause.facts == {
            "attribute": "brand",
            "value": ITEM_BY_ID[first].brand,
            "most": 1,
            "rule": "rule-0",
        }


def test_an_item_for_which_the_question_has_no_room(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    ask = home(24, options=ListOptions({"brand": 2}))
    missing = next(one for one in plain if one not in ids(small_shop, ask))
    verdict = found(small_shop, ask, missing)
    assert verdict.cause.code == "capped"
    assert f"There are 2 of brand '{ITEM_BY_ID[missing].brand}'" in verdict.cause.text


def test_an_item_that_was_shown_lately_or_had_to_make_room(small_shop: Recommender, first: str) -> None:
    seen = [Event(f"e{n}", "user-004", first, Kind.IMPRESSION, NOW_MS) for n in range(5)]
    assert found(small_shop, home(2, recent=seen, options=ListOptions(rotate=True)), first).cause.code == "shown_lately"
    seed = next(seed for seed in range(100) if first not in ids(small_shop, home(1, options=ListOptions(seed=seed))))
    assert found(small_shop, home(1, options=ListOptions(seed=seed)), first).cause.code == "made_room"
    assert found(small_shop, home(options=ListOptions(min_score=1e9)), first).cause.code == "below_min_score"


def test_an_item_that_others_outrank_is_told_its_rank(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    for place in (6, 12, 24):
        verdict = found(small_shop, home(), plain[place - 1])
        assert verdict.cause.code == "ranked_lower"
        assert verdict.eligible == 24
        assert verdict.rank is not None
        assert 5 < verdict.rank <= 24
        assert f"rank {verdict.rank} of 24" in verdict.cause.text
    assert [why_not(small_shop, home(24), one, None).place for one in plain] == list(range(1, 25))


def test_an_explained_list_is_the_same_list_with_its_sources_and_rules(small_shop: Recommender, first: str) -> None:
    last = ids(small_shop, home(24))[20]
    shop = ruled(small_shop, {"kind": "pin", "slot": 2, "items": [last], "reason": "New in."})
    plain, told = shop.recommend(home()), shop.recommend(home(explain=True))
    assert [item._replace(explanation=None) for item in told.items] == list(plain.items)
    top, pinned = told.items[0].explanation, told.items[1].explanation
    assert top is not None
    assert pinned is not None
    voice = next(voice for voice in top.sources if voice.source == told.items[0].source)
    assert voice.rank == 1
    assert (top.own_place, pinned.rules[0].id) == (1, "rule-0")
    assert (pinned.own_place or 0) > 5
    assert "Rule rule-0 (pin): New in." in pinned.text

"""Rules: their effect on a list, their order, and what they can never do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.filters.spec import Filters
from recsys.ranking.placements import load_placements
from recsys.ranking.query import ListOptions, Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.parser import RulesIn, parse_rules, to_toml
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
PLACEMENTS = sorted(load_placements(None, frozenset(SOURCES)))
ITEM_BY_ID = {item.item_id: item for item in small_items()}
Fields = dict[str, Any]


def ruled(recommender: Recommender, *rules: Fields) -> Recommender:
    """The shop with these rules; ids and reasons are generated where they do not matter."""
    named = [{"id": f"rule-{at}", "reason": "It is meant so", **rule} for at, rule in enumerate(rules)]
    text = to_toml(RulesIn.model_validate({"timezone": "Europe/Berlin", "rules": named}))
    return recommender.with_rules(parse_rules(text, PLACEMENTS))


def ids(recommender: Recommender, query: Query) -> list[str]:
    return [item.item_id for item in recommender.recommend(query).items]


def home(k: int = 10, user_id: str | None = "user-004", **more: Any) -> Query:
    return Query(NOW_MS, "home", k, user_id, **more)


def eligible(recommender: Recommender, query: Query) -> set[str]:
    """Ids of the eligible items; of a placement that is not filled, of the items that its sources find."""
    context = recommender._rank(query)[0]
    if not context.placement.fills:
        return set(ids(recommender, replace(query, k=100)))
    return {recommender.catalogue.item_id(int(at)) for at in np.flatnonzero(context.eligible.mask)}


some_ids = st.lists(st.sampled_from([*sorted(ITEM_BY_ID), "nobody-knows-me"]), min_size=1, max_size=4, unique=True)
targets = st.one_of(
    st.builds(lambda ids: {"items": ids}, some_ids),
    st.builds(lambda n: {"categories": [f"category-{n}"]}, st.integers(0, 4)),
    st.builds(
        lambda n, m: {"brands": [f"brand-{n}"], "categories": [f"category-{m}"]}, st.integers(0, 2), st.integers(0, 3)
    ),
)
kinds = st.one_of(
    st.just({"kind": "block"}),
    st.just({"kind": "bury"}),
    st.builds(lambda by: {"kind": "boost", "factor": by}, st.sampled_from([0.1, 0.5, 2.0, 10.0])),
    st.builds(lambda n: {"kind": "at-least", "least": n}, st.integers(1, 5)),
    st.builds(lambda n: {"kind": "pin", "slot": n}, st.integers(1, 12)),
    st.builds(
        lambda n, per: {"kind": "cap", "most": n, "per": per}, st.integers(1, 4), st.sampled_from(["brand", "category"])
    ),
)
some_rules = st.lists(st.builds(lambda kind, target: {**kind, **target}, kinds, targets), max_size=5)
queries = st.builds(
    Query,
    st.just(NOW_MS),
    placement=st.sampled_from(PLACEMENTS),
    k=st.integers(1, 24),
    user_id=st.sampled_from([None, "stranger", *(f"user-{n:03}" for n in range(0, 60, 7))]),
    context_item_ids=st.lists(st.sampled_from(sorted(ITEM_BY_ID)), max_size=2),
    exclude=st.lists(st.sampled_from(sorted(ITEM_BY_ID)), max_size=3),
    filters=st.sampled_from([Filters(), Filters(price_to=12.0), Filters(brand_out=frozenset({"brand-0"}))]),
    options=st.sampled_from([None, ListOptions({"brand": 3}), ListOptions(diversity=0.5, seed=3)]),
)


def is_meant(rule: Fields, item_id: str) -> bool:
    """Whether a rule targets an item, evaluated step by step."""
    item = ITEM_BY_ID[item_id]
    return (
        ("items" not in rule or item_id in rule["items"])
        and ("categories" not in rule or item.category in rule["categories"])
        and ("brands" not in rule or item.brand in rule["brands"])
    )


@settings(max_examples=150)
@given(queries, some_rules)
def test_rules_add_no_ineligible_item_and_only_blocks_and_caps_shorten_a_list(
    small_shop: Recommender, query: Query, rules: list[Fields]
) -> None:
    item_ids = ids(ruled(small_shop, *rules), query)
    eligible_ids = eligible(small_shop, replace(query, options=None))
    blocked = {
        item_id
        for item_id in eligible_ids
        if any(rule["kind"] == "block" and is_meant(rule, item_id) for rule in rules)
    }
    assert set(item_ids) <= eligible_ids - blocked
    assert len(set(item_ids)) == len(item_ids)
    if not any(rule["kind"] == "cap" for rule in rules) and (query.options is None or not query.options.max_per):
        assert len(item_ids) == min(query.k, len(eligible_ids - blocked))


@given(queries)
def test_rules_for_somebody_else_change_nothing(small_shop: Recommender, query: Query) -> None:
    shop = ruled(
        small_shop,
        {"kind": "block", "brands": ["brand-0", "brand-1"], "segment": {"age": ["99"]}},
        {"kind": "block", "brands": ["brand-0", "brand-1"], "until": "1990-01-01"},
    )
    assert shop.recommend(query) == small_shop.recommend(query)


def test_a_blocked_item_is_gone_and_the_list_stays_full(small_shop: Recommender) -> None:
    first = ids(small_shop, home())[0]
    shop = ruled(small_shop, {"kind": "block", "items": [first]})
    assert first not in ids(shop, home(24))
    assert len(ids(shop, home())) == 10
    assert first in ids(ruled(small_shop, {"kind": "block", "items": [first], "placements": ["basket"]}), home())


def test_a_boost_divides_the_place(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    for factor, place in ((2.0, 5), (5.0, 2), (10.0, 1)):
        boosted = ids(ruled(small_shop, {"kind": "boost", "factor": factor, "items": [plain[9]]}), home(24))
        assert boosted.index(plain[9]) + 1 == place


def test_a_boost_reaches_below_the_list_as_far_as_its_factor(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    boost = {"kind": "boost", "factor": 4.0}
    assert plain[19] in ids(ruled(small_shop, {**boost, "items": [plain[19]]}), home(5))
    assert plain[23] not in ids(ruled(small_shop, {**boost, "items": [plain[23]]}), home(5))


def test_a_lowered_item_leaves_a_short_list_to_the_next_items(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    lowered = ids(ruled(small_shop, {"kind": "boost", "factor": 0.2, "items": [plain[0]]}), home(3))
    assert lowered == plain[1:4]


def test_factors_of_two_rules_multiply(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    twice = [{"kind": "boost", "factor": 3.0, "items": [plain[8]]}] * 2
    assert ids(ruled(small_shop, *twice), home())[0] == plain[8]


def test_a_buried_item_comes_below_all_others(small_shop: Recommender) -> None:
    shop = ruled(small_shop, {"kind": "bury", "brands": ["brand-1"]})
    brands = [ITEM_BY_ID[item_id].brand for item_id in ids(shop, home(24))]
    assert brands[:16].count("brand-1") == 0
    assert brands[16:] == ["brand-1"] * 8
    assert "brand-1" not in brands[:10]


def test_a_quota_is_filled_as_low_in_the_list_as_possible(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(4))
    others = [item_id for item_id in ITEM_BY_ID if int(item_id[-3:]) % 2 == 1]
    shop = ruled(small_shop, {"kind": "at-least", "least": 2, "items": others})
    item_ids = ids(shop, home(4))
    had = sum(item_id in others for item_id in plain)
    assert sum(item_id in others for item_id in item_ids) == max(2, had)
    assert item_ids[:2] == plain[:2]


def test_a_quota_that_is_filled_anyway_changes_nothing(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(4))
    assert ids(ruled(small_shop, {"kind": "at-least", "least": 2, "items": plain}), home(4)) == plain


def test_a_cap_counts_its_target_items(small_shop: Recommender) -> None:
    shop = ruled(small_shop, {"kind": "cap", "per": "category", "most": 1, "brands": ["brand-1"]})
    item_ids = [ITEM_BY_ID[item_id] for item_id in ids(shop, home(16))]
    assert max(Counter(item.category for item in item_ids if item.brand == "brand-1").values()) == 1
    assert max(Counter(item.category for item in item_ids if item.brand != "brand-1").values()) > 1


def test_pinned_items_are_at_their_places_and_nowhere_else(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    pinned = [plain[20], "nobody-knows-me", plain[2]]
    item_ids = ids(ruled(small_shop, {"kind": "pin", "slot": 2, "items": pinned}), home(6))
    assert item_ids[1:3] == [plain[20], plain[2]]
    assert item_ids.count(plain[2]) == 1
    assert [item_id for item_id in item_ids if item_id not in pinned] == [
        item_id for item_id in plain if item_id not in pinned
    ][:4]


def test_the_best_of_a_brand_is_pinned_where_no_item_is_named(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    best = next(item_id for item_id in plain if ITEM_BY_ID[item_id].brand == "brand-2" and item_id != plain[0])
    rule = {"kind": "pin", "slot": 1, "brands": ["brand-2"], "categories": [ITEM_BY_ID[best].category]}
    assert ids(ruled(small_shop, rule), home())[0] == best


def test_of_two_pins_for_one_place_the_later_takes_the_next(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    pins = [{"kind": "pin", "slot": 1, "items": [plain[at]]} for at in (10, 11)]
    assert ids(ruled(small_shop, *pins), home())[:2] == [plain[10], plain[11]]


def test_a_pin_beyond_the_list_leaves_it_alone(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(5))
    assert ids(ruled(small_shop, {"kind": "pin", "slot": 6, "items": [plain[0]]}), home(5)) == plain


def test_a_block_wins_over_a_pin_and_a_pin_over_a_cap_that_then_counts_it(small_shop: Recommender) -> None:
    plain = ids(small_shop, home(24))
    brand = ITEM_BY_ID[plain[20]].brand
    pin = {"kind": "pin", "slot": 1, "items": [plain[20]]}
    assert plain[20] not in ids(ruled(small_shop, pin, {"kind": "block", "items": [plain[20]]}), home(24))
    capped = ids(ruled(small_shop, {"kind": "cap", "per": "brand", "most": 1}, pin), home(3))
    assert capped[0] == plain[20]
    assert [ITEM_BY_ID[item_id].brand for item_id in capped].count(brand) == 1


def test_a_cap_wins_over_at_least(small_shop: Recommender) -> None:
    rules = [{"kind": "at-least", "least": 3, "brands": ["brand-1"]}, {"kind": "cap", "per": "brand", "most": 2}]
    assert [ITEM_BY_ID[item_id].brand for item_id in ids(ruled(small_shop, *rules), home(6))].count("brand-1") == 2


def test_a_pinned_item_is_no_fallback(small_shop: Recommender) -> None:
    plain = small_shop.recommend(home(3))
    last = ids(small_shop, home(24))[-1]
    recommendations = ruled(small_shop, {"kind": "pin", "slot": 1, "items": [last]}).recommend(home(3))
    assert recommendations.items[0].item_id == last
    assert recommendations.fallback == plain.fallback


def gone_asks(first: str) -> list[Query]:
    return [
        home(exclude=[first]),
        home(context_item_ids=[first]),
        home(recent=[Event("no", "user-004", first, Kind.DISMISS, NOW_MS)]),
        home(filters=Filters(price_from=(ITEM_BY_ID[first].price or 0) + 0.5)),
    ]


def test_a_pin_adds_no_ineligible_item(small_shop: Recommender) -> None:
    first = ids(small_shop, home())[0]
    rules = [
        {"kind": "pin", "slot": 1, "items": [first]},
        {"kind": "at-least", "least": 1, "items": [first]},
        {"kind": "boost", "factor": 10, "items": [first]},
    ]
    shop = ruled(small_shop, *rules)
    for query in gone_asks(first):
        assert first not in ids(shop, query)
    sold_out = shop.with_catalogue(shop.catalogue.with_changes([Item(first, stock=0)]))
    assert first not in ids(sold_out, home(24))
    assert ids(shop, home())[0] == first


def test_a_pin_adds_no_bought_item_to_a_list_of_new_items(small_shop: Recommender) -> None:
    bought = next(item.item_id for item in small_shop.recommend(home()).items if item.source == "buy_again")
    shop = ruled(small_shop, {"kind": "pin", "slot": 1, "items": [bought]})
    assert bought not in ids(shop, Query(NOW_MS, "discover", 10, "user-004"))


def test_a_rule_follows_the_catalogue(small_shop: Recommender) -> None:
    shop = ruled(small_shop, {"kind": "pin", "slot": 1, "brands": ["brand-new"]})
    assert ids(shop, home()) == ids(small_shop, home())
    newcomer = shop.catalogue.with_changes([Item("fresh", "Fresh", "category-0", "brand-new")])
    assert ids(shop.with_catalogue(newcomer), home())[0] == "fresh"


def test_rules_distinguish_new_and_returning_customers(small_shop: Recommender) -> None:
    first = {user: ids(small_shop, home(user_id=user))[0] for user in ("user-004", "stranger")}

    def shows(customers: str, user: str, *recent: Event) -> bool:
        rule = {"kind": "block", "items": [first[user]], "customers": customers}
        return first[user] in ids(ruled(small_shop, rule), home(24, user, recent=recent))

    assert not shows("returning", "user-004")
    assert shows("new", "user-004")
    assert not shows("new", "stranger")
    assert shows("returning", "stranger")
    assert shows("new", "stranger", Event("e", "stranger", "item-001", Kind.PURCHASE, NOW_MS))


@pytest.mark.parametrize(
    ("segment", "is_meant_for"),
    [
        ({"age": "35-44"}, True),
        ({"age": ["18-24", "35-44"]}, True),
        ({"age": ["18-24"]}, False),
        ({"kids": 2}, True),
        ({"kids": True}, False),
        ({"member": True}, True),
        ({"member": 1}, False),
        ({"clubs": "wine"}, True),
        ({"clubs": ["tea"]}, False),
        ({"age": "35-44", "kids": 3}, False),
        ({"nobody": "said"}, False),
    ],
)
def test_a_segment_is_customers_whose_attributes_all_fit(
    small_shop: Recommender, segment: Fields, is_meant_for: bool
) -> None:
    attributes = {"age": "35-44", "kids": 2.0, "member": True, "clubs": ["wine", "bread"]}
    first = ids(small_shop, home())[0]
    shop = ruled(small_shop, {"kind": "block", "items": [first], "segment": segment})
    assert (first not in ids(shop, home(24, attributes=attributes))) == is_meant_for


def open_at(shop: Recommender, *moments: datetime) -> list[bool]:
    return [bool(shop.rules.active_at(int(at.timestamp() * 1_000)).rules) for at in moments]


def test_a_rule_with_dates_holds_from_the_first_to_the_end_of_the_last_day(small_shop: Recommender) -> None:
    shop = ruled(small_shop, {"kind": "bury", "brands": ["brand-1"], "from": "2026-05-01", "until": "2026-05-03"})
    moments = [
        datetime(2026, 4, 30, 21, 59, 59),
        datetime(2026, 4, 30, 22),
        datetime(2026, 5, 3, 21, 59),
        datetime(2026, 5, 3, 22),
    ]
    assert open_at(shop, *(at.replace(tzinfo=UTC) for at in moments)) == [False, True, True, False]


def test_days_and_hours_go_by_the_clock_of_the_place_over_midnight_and_summer_time(small_shop: Recommender) -> None:
    shop = ruled(small_shop, {"kind": "bury", "brands": ["brand-1"], "days": ["fri"], "hours": "22:00-02:00"})
    friday = [(2026, 1, 9, 20, 59), (2026, 1, 9, 21, 0), (2026, 1, 10, 0, 59), (2026, 1, 10, 1, 0), (2026, 1, 8, 22, 0)]
    assert open_at(shop, *(datetime(*at, tzinfo=UTC) for at in friday)) == [False, True, True, False, False]
    summer = [(2026, 7, 10, 19, 59), (2026, 7, 10, 20, 0), (2026, 7, 10, 23, 59), (2026, 7, 11, 0, 0)]
    assert open_at(shop, *(datetime(*at, tzinfo=UTC) for at in summer)) == [False, True, True, False]


def test_a_rule_may_go_by_another_clock_than_its_file(small_shop: Recommender) -> None:
    shop = ruled(small_shop, {"kind": "bury", "brands": ["brand-1"], "hours": "09:00-10:00", "timezone": "Asia/Tokyo"})
    assert open_at(shop, datetime(2026, 1, 9, 0, 30, tzinfo=UTC), datetime(2026, 1, 9, 8, 30, tzinfo=UTC)) == [
        True,
        False,
    ]


def test_the_state_of_the_rules_changes_when_one_opens_and_only_then(small_shop: Recommender) -> None:
    shop = ruled(small_shop, {"kind": "bury", "brands": ["brand-1"], "hours": "09:00-10:00", "timezone": "UTC"})
    noon = int(datetime(2026, 1, 9, 8, 59, 59, 999_000, tzinfo=UTC).timestamp() * 1_000)
    states = [shop.rules.state_at(at) for at in (noon - 60_000, noon, noon + 1, noon + 60_000, noon + 3_600_001)]
    assert states[0] == states[1] == states[4] != states[2] == states[3]


def test_two_texts_have_two_states(small_shop: Recommender) -> None:
    rules: Sequence[Fields] = [{"kind": "bury", "brands": [f"brand-{n}"]} for n in (1, 2)]
    assert len({ruled(small_shop, rule).rules.state_at(0) for rule in rules}) == 2


def test_a_rule_targets_the_items_of_its_filter_and_a_cap_counts_by_any_attribute(
    small_shop: Recommender,
) -> None:
    blue = {"item-000", "item-005", "item-010", "item-015", "item-020"}
    where = {"colour": "blue", "price": {"gt": 5}}
    blocked = ids(ruled(small_shop, {"kind": "block", "where": where}), home(24))
    assert blue - set(blocked) == blue - {"item-000"}
    assert len(blocked) == 20
    pinned = ids(ruled(small_shop, {"kind": "pin", "slot": 1, "where": where}), home())
    assert pinned[0] in blue - {"item-000"}
    capped = ids(ruled(small_shop, {"kind": "cap", "per": "attributes.colour", "most": 2}), home(24))
    assert (len(capped), len(blue & set(capped))) == (4, 2)


def test_a_rule_about_an_attribute_that_no_item_has_changes_nothing(small_shop: Recommender) -> None:
    lost: list[Fields] = [
        {"kind": "block", "where": {"flavour": "mint"}},
        {"kind": "cap", "per": "attributes.flavour", "most": 1},
    ]
    assert ids(ruled(small_shop, *lost), home()) == ids(small_shop, home())

"""Rule preview: rules that shorten a list are named, with the length that each leaves by itself."""

from dataclasses import replace

import pytest

from recsys.data.entities import Item
from recsys.ranking.diagnostics.rule_preview import RulePreview, preview
from recsys.ranking.diagnostics.why_not import why_not
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import NO_RULES
from recsys.ranking.rules.parser import RulesIn, parse_rules, to_toml
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

QUERY = Query(int(NOW * DAY_MS), "home", 10, "user-004")
PER_BRAND = {"id": "per-brand", "kind": "cap", "per": "brand", "most": 2, "reason": "Mixed"}
LOUD = {"id": "loud", "kind": "boost", "factor": 2, "brands": ["National"], "reason": "Ours"}


@pytest.fixture(scope="module")
def two_brands(small_shop: Recommender) -> Recommender:
    """Nine items of each of two brands, six without a brand."""
    brands = (["National", "Private"] * 9) + [None] * 6
    items: list[Item] = [replace(item, brand=brand) for item, brand in zip(small_items(), brands, strict=True)]
    return small_shop.with_catalogue(small_shop.catalogue.with_changes(items))


def previewed(shop: Recommender, *rules: dict[str, object], query: Query = QUERY) -> RulePreview:
    parsed = parse_rules(to_toml(RulesIn.model_validate({"rules": rules})), ["home", "discover"])
    return preview(shop, query, parsed, NO_RULES)


def block(name: str, *items: int) -> dict[str, object]:
    return {"id": name, "kind": "block", "items": [f"item-{item:03}" for item in items], "reason": "Called back"}


def test_a_cap_that_leaves_a_few_items_is_named_with_their_number(two_brands: Recommender) -> None:
    query = replace(QUERY, k=12)
    result = previewed(two_brands, LOUD, PER_BRAND, query=query)
    assert len(result.after.items) == 2 * 2 + 6
    assert [(effect.rule, effect.leaves) for effect in result.effects] == [("loud", None), ("per-brand", 10)]
    assert result.lengths is not None
    assert result.lengths.sentence("per-brand") == "This rule alone leaves 10 of 12 items."
    assert result.lengths.sentence("loud") == ""


def test_a_cap_that_leaves_enough_is_not_blamed(two_brands: Recommender) -> None:
    result = previewed(two_brands, PER_BRAND)
    assert len(result.after.items) == 10
    assert result.lengths is None
    assert [effect.leaves for effect in result.effects] == [None]


def test_a_list_that_is_short_without_rules_too_is_no_fault_of_theirs(small_shop: Recommender) -> None:
    result = previewed(small_shop, LOUD, block("gone", 3), query=replace(QUERY, k=40))
    assert result.lengths is not None
    assert result.lengths.without_rules == 24
    assert {effect.rule: effect.leaves for effect in result.effects} == {"loud": None, "gone": 23}


def test_rules_that_shorten_a_list_only_together_are_told_apart_from_those_that_do_it_alone(
    small_shop: Recommender,
) -> None:
    result = previewed(small_shop, block("first", *range(8)), block("second", *range(8, 16)))
    assert len(result.after.items) == 8
    assert result.lengths is not None
    assert (result.lengths.without_rules, result.lengths.by_rule) == (10, {})


def test_a_rule_that_does_not_hold_here_leaves_the_list_as_it_is(two_brands: Recommender) -> None:
    result = previewed(two_brands, {**PER_BRAND, "placements": ["discover"]}, query=replace(QUERY, k=12))
    assert len(result.after.items) == 12
    assert [effect.leaves for effect in result.effects] == [None]


@pytest.mark.parametrize("kind", ["cap", "block"])
def test_the_diagnosis_of_a_missing_item_says_how_short_its_rule_makes_the_list(
    two_brands: Recommender, kind: str
) -> None:
    rule = PER_BRAND if kind == "cap" else block("called-back", *range(16))
    shop = two_brands.with_rules(parse_rules(to_toml(RulesIn.model_validate({"rules": [rule]})), ["home"]))
    query = replace(QUERY, k=24)
    shown = {item.item_id for item in shop.recommend(query).items}
    missing = next(f"item-{item:03}" for item in range(16) if f"item-{item:03}" not in shown)
    cause = why_not(shop, query, missing, None).cause
    assert cause.text.endswith(f"This rule alone leaves {len(shown)} of 24 items.")
    assert (cause.facts["leaves"], cause.facts["without_rules"]) == (len(shown), 24)

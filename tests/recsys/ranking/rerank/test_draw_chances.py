"""Chances of an explored list: those that the list says, and how often lists are drawn so."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from recsys.ranking.query import ListOptions, Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.parser import RulesIn, parse_rules, to_toml
from recsys.testing import NOW
from recsys.time_units import DAY_MS

QUERY = Query(int(NOW * DAY_MS), "home", 4, "user-003", options=ListOptions(seed=0))


def seeded(seed: int) -> Query:
    return replace(QUERY, options=ListOptions(seed=seed))


def under(shop: Recommender, *rules: dict[str, object]) -> Recommender:
    return shop.with_rules(parse_rules(to_toml(RulesIn.model_validate({"rules": rules})), ["home"]))


LIMITS: list[dict[str, object]] = [
    {"id": "mixed", "kind": "cap", "per": "category", "most": 1, "reason": "Mixed"},
    {"id": "third", "kind": "pin", "slot": 3, "items": ["item-005"], "reason": "New"},
    {"id": "last", "kind": "bury", "items": ["item-003"], "reason": "Old"},
]


@pytest.mark.parametrize("limits", [[], LIMITS[:1], LIMITS[1:2], LIMITS])
def test_the_chance_of_each_shown_item_is_the_probability_in_the_list(
    small_shop: Recommender, limits: list[dict[str, object]]
) -> None:
    shop = under(small_shop, *limits)
    for seed in range(5):
        scored = shop.scored_items(seeded(seed))
        shown = [each.item for each in scored]
        chances = [
            float(chance[items == item].sum())
            for (items, chance), item in zip(shop.draw_chances(QUERY, shown), shown, strict=True)
        ]
        assert chances == pytest.approx([each.probability for each in scored])


def test_a_place_has_a_whole_chance_and_none_of_the_items_above_it(small_shop: Recommender) -> None:
    shown = [each.item for each in small_shop.scored_items(seeded(5))]
    for place, (items, chance) in enumerate(small_shop.draw_chances(QUERY, shown)):
        assert chance.sum() == pytest.approx(1)
        assert not set(shown[:place]) & set(items.tolist())


def test_under_a_cap_lists_are_drawn_as_often_as_their_chances_say(small_shop: Recommender) -> None:
    shop = under(small_shop, {"id": "mixed", "kind": "cap", "per": "category", "most": 1, "reason": "Mixed"})
    first = shop.scored_items(QUERY)[0].item
    seconds = Counter[int]()
    for seed in range(600):
        shown = [each.item for each in shop.scored_items(seeded(seed))]
        if shown[0] == first:
            seconds[shown[1]] += 1
    items, chance = shop.draw_chances(QUERY, [first, first, first, first])[1]
    n = seconds.total()
    assert set(seconds) <= set(items.tolist())
    often = np.array([seconds[item] / n for item in items.tolist()])
    assert np.abs(often - chance).max() < 4 * np.sqrt(0.25 / n)


def test_a_pinned_item_is_certain_and_a_blocked_one_impossible(small_shop: Recommender) -> None:
    pin: dict[str, object] = {"id": "first", "kind": "pin", "slot": 1, "items": ["item-005"], "reason": "New"}
    gone: dict[str, object] = {"id": "gone", "kind": "block", "items": ["item-003"], "reason": "Called back"}
    shop = under(small_shop, pin, gone)
    pinned, blocked = shop.catalogue.positions(["item-005", "item-003"]).tolist()
    chances = shop.draw_chances(QUERY, [each.item for each in shop.scored_items(QUERY)])
    assert (chances[0][0].tolist(), chances[0][1].tolist()) == ([pinned], [1.0])
    assert all(blocked not in items for items, _ in chances)

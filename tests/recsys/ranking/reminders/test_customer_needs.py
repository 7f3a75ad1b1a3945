"""Needs of one customer: live after the last event, on sale, and under the rules of the shop."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender, open_recommender
from recsys.ranking.reminders.customer_needs import NO_NEEDS, customer_needs
from recsys.ranking.rules.model import Rule, Target, build_rules
from recsys.time_units import DAY_MS

USER = "user-003"


@pytest.fixture(scope="module")
def recommender(home_with_needs: Path) -> Recommender:
    return open_recommender(home_with_needs, None)


def needs_of(
    recommender: Recommender, *events: Event, days: float = 14, attributes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    query = Query(moment(recommender), k=50, user_id=USER, recent=events, attributes=attributes or {})
    return customer_needs(recommender, query, days=days, at_least=0.0, last_event_ms=None)


def ids(needs: Mapping[str, Any]) -> list[str]:
    return [need["item_id"] for need in needs["needs"]]


def moment(recommender: Recommender) -> int:
    return int(recommender.engine.histories.now * DAY_MS)


def later(recommender: Recommender, item_id: str, kind: Kind, days: float = 0.5) -> Event:
    return Event(f"{kind}-{item_id}", USER, item_id, kind, moment(recommender) + int(days * DAY_MS), 1.0, 2.0)


def test_needs_come_with_chance_dates_and_the_horizons_they_are_taken_from(recommender: Recommender) -> None:
    found = needs_of(recommender, days=10)
    chances = [need["chance"] for need in found["needs"]]
    assert chances == sorted(chances, reverse=True)
    assert found["horizons"] == [7, 14]
    assert found["unknown"] is None
    assert all(need["last_bought"] < need["due"] for need in found["needs"])


def test_the_next_purchase_moves_when_the_last_one_does(recommender: Recommender) -> None:
    before = needs_of(recommender)["needs"][0]
    bought = later(recommender, before["item_id"], Kind.PURCHASE, days=3)
    after = {need["item_id"]: need for need in needs_of(recommender, bought)["needs"]}[before["item_id"]]
    assert after["last_bought"] > before["last_bought"]
    assert after["due"] > before["due"]


@pytest.mark.parametrize("kind", [Kind.RETURN, Kind.DISMISS])
def test_what_was_sent_back_or_dismissed_since_is_no_need(recommender: Recommender, kind: Kind) -> None:
    first = ids(needs_of(recommender))[0]
    assert first not in ids(needs_of(recommender, later(recommender, first, kind)))
    again = later(recommender, first, Kind.PURCHASE, days=1.5)
    assert first in ids(needs_of(recommender, later(recommender, first, kind), again))


def test_what_is_sold_out_is_no_need(recommender: Recommender) -> None:
    first = ids(needs_of(recommender))[0]
    sold_out = recommender.with_catalogue(recommender.catalogue.with_changes([Item(first, stock=0)]))
    assert first not in ids(needs_of(sold_out))


def with_rule(recommender: Recommender, rule: Rule) -> Recommender:
    return recommender.with_rules(build_rules([rule], "test"))


def rule_for(item_id: str, kind: Any, placements: Sequence[str] = ()) -> Rule:
    return Rule("r", kind, "why", Target(items=(item_id,)), placements=tuple(placements))


def test_rules_block_and_bury_needs(recommender: Recommender) -> None:
    order = ids(needs_of(recommender))
    assert order[0] not in ids(needs_of(with_rule(recommender, rule_for(order[0], "block"))))
    assert ids(needs_of(with_rule(recommender, rule_for(order[0], "bury")))) == [*order[1:], order[0]]
    elsewhere = rule_for(order[0], "block", ["basket"])
    assert ids(needs_of(with_rule(recommender, elsewhere))) == order


def test_a_rule_for_some_customers_holds_for_them_alone(recommender: Recommender) -> None:
    first = ids(needs_of(recommender))[0]
    for_gold = with_rule(recommender, replace(rule_for(first, "block"), segment={"tier": ("gold",)}))
    assert first in ids(needs_of(for_gold))
    assert first not in ids(needs_of(for_gold, attributes={"tier": "gold"}))


def test_why_there_are_none_is_said(recommender: Recommender, trained_home: Path) -> None:
    nobody = Query(moment(recommender), user_id="nobody")
    none = customer_needs(recommender, nobody, days=14, at_least=0.0, last_event_ms=None)
    assert (none["needs"], none["unknown"]) == ([], NO_NEEDS)
    unlearnt = needs_of(open_recommender(trained_home, None))
    assert unlearnt["needs"] == []
    assert "too short" in unlearnt["unknown"]

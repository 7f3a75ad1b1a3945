"""Segment evaluation: masks agree with a slow reading of the log, and unknown names are refused."""

from typing import Any

import numpy as np
import pytest

from recsys.data.events import Event, Kind
from recsys.errors import BadInput
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.parser import SegmentVocabulary, parse_customers
from recsys.ranking.segments.population import SegmentPopulation
from recsys.testing import NOW
from recsys.time_units import DAY_MS

ANY = SegmentVocabulary(segments=None)


def ids(population: SegmentPopulation, written: Any, saved: dict[str, Any] | None = None) -> set[str]:
    conditions = {name: parse_customers(each, ANY) for name, each in (saved or {}).items()}
    mask = members(parse_customers(written, ANY), population, conditions)
    return {population.user_ids[row] for row in np.flatnonzero(mask).tolist()}


@pytest.mark.parametrize(("days", "least"), [(None, 1), (30, 2), (30, 4), (14.0, 2)])
def test_days_with_a_purchase_are_those_of_the_log(
    population: SegmentPopulation, shop_events: list[Event], days: float | None, least: int
) -> None:
    wanted = {f"item-{item:03}" for item in range(0, 24, 4)}
    since = -np.inf if days is None else population.as_of_ms - days * DAY_MS
    active: dict[str, set[int]] = {}
    for event in shop_events:
        if event.kind == Kind.PURCHASE and event.item_id in wanted and event.at_ms >= since:
            active.setdefault(event.user_id, set()).add(event.at_ms // DAY_MS)
    slow = {user_id for user_id, own in active.items() if len(own) >= least} - {"user-001"}
    written = {"where": {"category": "category-0"}, "times": {"gte": least}} | ({} if days is None else {"days": days})
    assert slow
    assert ids(population, {"bought": written}) == slow


def test_joints_are_those_of_sets(population: SegmentPopulation) -> None:
    bought, lately = {"bought": {"where": {"item_id": "item-000"}}}, {"money": {"gt": 450}}
    everybody = ids(population, {})
    first, second = ids(population, bought), ids(population, lately)
    assert first
    assert first - second
    assert ids(population, {**bought, **lately}) == ids(population, {"all": [bought, lately]}) == first & second
    assert ids(population, {"any": [bought, lately]}) == first | second
    assert ids(population, {"not": bought}) == everybody - first
    assert ids(population, {"segment": ["one", "two"]}, {"one": bought, "two": lately}) == first | second


def test_figures_are_those_of_the_table(population: SegmentPopulation) -> None:
    table = population.table
    rich = {population.user_ids[row] for row in np.flatnonzero((table.money > 200) & population.is_named).tolist()}
    assert ids(population, {"money": {"gt": 200}}) == rich
    assert 0 < len(rich) < 60
    classes = [ids(population, {"abc": letter}) for letter in "ABC"]
    assert sum(map(len, classes)) == len(set().union(*classes)) == 59
    moment = f"{np.datetime64(int(NOW * DAY_MS) - 2 * DAY_MS, 'ms')}Z"
    assert ids(population, {"last_order": {"lt": moment}}) == ids(population, {"recency_days": {"gt": 2}}) | ids(
        population, {"last_order": {"lt": moment}, "recency_days": 2}
    )


def test_attributes_are_those_of_the_records_and_who_refused_is_nowhere(population: SegmentPopulation) -> None:
    assert ids(population, {"country": ["AT", "DE"]}) == {"user-000", "user-002", "record-only"}
    assert ids(population, {"visits": {"gte": 3}}) == {"user-000"}
    assert "user-001" not in ids(population, {"not": {"country": "AT"}})
    assert ids(population, {"stage": "potential"}) == {"record-only"}
    assert "record-only" in ids(population, {"orders": 0, "not": {"bought": {}}})


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"contry": "AT"}, r"no customer has the attribute 'contry'; did you mean 'country'\?"),
        ({"stge": "new"}, r"no customer has the attribute 'stge'; did you mean 'stage'\?"),
        ({"bought": {"where": {"colr": "red"}}}, "no item has the attribute 'colr'"),
        ({"viewed": {"where": {"or": [{"brand": "Acme"}, {"price": {"gte": 1}}]}}}, "no item has the brand 'Acme'"),
        ({"segment": "x"}, "no segment 'x'"),
        ({"any": [{"country": {"gte": 3}}]}, "'country' holds text, such as 'AT', and no customer has numbers"),
    ],
)
def test_names_that_there_are_not_are_refused(population: SegmentPopulation, written: Any, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        ids(population, written)

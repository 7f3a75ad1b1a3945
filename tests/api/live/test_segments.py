"""Live segments: members are worked out when something changed, and customers with new events on a schedule."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.live.release import LiveRelease
from api.live.segments import LiveSegments
from recsys.customers.table import CustomerTable
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import NO_RULES
from recsys.ranking.rules.parser import parse_rules
from recsys.ranking.segments.repository import open_segment_repository
from recsys.testing import NOW
from recsys.time_units import DAY_MS

EVEN = '[[segments]]\nname = "even"\nwhere = { bought = { where = { category = "category-0" } } }\n'
RULE = '[[rules]]\nid = "r"\nkind = "bury"\nitems = ["item-001"]\nreason = "x"\ncustomers = "segment:even"\n'
RULES = parse_rules(RULE, ["home"], ["even"])


@pytest.fixture
def store(shop_events: list[Event], tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, None)
    store.append(shop_events)
    yield store
    store.close()


def test_members_are_worked_out_once_and_then_only_of_whoever_did_something(
    store: Store, small_shop: Recommender, tmp_path: Path
) -> None:
    release = LiveRelease.build(small_shop, "log", store.head(), 1)
    repository = open_segment_repository(tmp_path, None)
    repository.replace(EVEN)
    segments = LiveSegments(repository, store, every_s=0.0)
    assert asyncio.run(segments.renewed(release, NO_RULES)) is None
    first = asyncio.run(segments.renewed(release, RULES))
    assert first is not None
    assert (first.holds("even", "user-002"), first.holds("even", "user-003")) == (True, False)
    rules = RULES.with_members(first)
    assert rules.membership("user-002") == "even"
    assert rules.membership("user-003") == ""
    assert asyncio.run(segments.renewed(release, rules)) is None
    store.append([Event("new", "user-003", "item-004", Kind.PURCHASE, round(NOW * DAY_MS), 1.0, 5.0)])
    later = asyncio.run(segments.renewed(release, rules))
    assert later is not None
    assert later.holds("even", "user-003")
    assert later.ids_by_segment is first.ids_by_segment


def test_a_release_made_before_customers_has_members_of_no_segment_whatever_happens(
    store: Store, small_shop: Recommender, tmp_path: Path
) -> None:
    older = replace(small_shop, engine=replace(small_shop.engine, customers=CustomerTable()))
    release = LiveRelease.build(older, "log", store.head(), 1)
    repository = open_segment_repository(tmp_path, None)
    repository.replace(EVEN)
    segments = LiveSegments(repository, store, every_s=0.0)
    first = asyncio.run(segments.renewed(release, RULES))
    assert first is not None
    assert "no table of customers" in first.problems["even"]
    store.append([Event("new", "user-003", "item-004", Kind.PURCHASE, round(NOW * DAY_MS), 1.0, 5.0)])
    assert asyncio.run(segments.renewed(release, RULES.with_members(first))) is None


def test_nothing_is_looked_up_before_its_time(store: Store, small_shop: Recommender, tmp_path: Path) -> None:
    release = LiveRelease.build(small_shop, "log", store.head(), 1)
    repository = open_segment_repository(tmp_path, None)
    repository.replace(EVEN)
    segments = LiveSegments(repository, store, every_s=3_600.0)
    assert asyncio.run(segments.renewed(release, RULES)) is not None
    store.append([Event("new", "user-003", "item-004", Kind.PURCHASE, round(NOW * DAY_MS), 1.0, 5.0)])
    assert asyncio.run(segments.renewed(release, RULES)) is None
    repository.replace(EVEN.replace("category-0", "category-1"))
    other = asyncio.run(segments.renewed(release, RULES))
    assert other is not None
    assert not other.holds("even", "user-002")

"""Segment members: the table for those who did nothing since, and the log for all others."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.document import parse_segments
from recsys.ranking.segments.members import NOBODY, changed_since, find_members, members_now
from recsys.ranking.segments.parser import SegmentVocabulary
from recsys.ranking.segments.population import SegmentPopulation, customers_now
from recsys.testing import NOW
from recsys.time_units import DAY_MS

NOW_MS = round(NOW * DAY_MS)
SAVED = parse_segments(
    """
[[segments]]
name = "no-item-5-lately"
where = { not = { bought = { where = { item_id = "item-005" }, days = 30 } } }
[[segments]]
name = "red"
where = { colour = "red" }
""",
    SegmentVocabulary(),
)


def test_members_are_ids_and_a_segment_that_cannot_be_worked_out_has_none(population: SegmentPopulation) -> None:
    found = find_members(SAVED, SAVED.names() | {"gone"}, population)
    assert found.holds("no-item-5-lately", "user-000")
    assert not found.holds("no-item-5-lately", None)
    assert not found.holds("no-item-5-lately", "user-001")  # refused personalisation
    assert not found.ids_by_segment["red"]
    assert "no customer has the attribute 'colour'" in found.problems["red"]
    assert not found.ids_by_segment["gone"]
    assert not NOBODY.holds("red", "user-000")


def test_whoever_bought_since_is_worked_out_as_of_now(
    small_shop: Recommender, shop_events: list[Event], tmp_path: Path
) -> None:
    store = open_store(tmp_path, None)
    store.append(shop_events)
    log_seq = store.head()
    later = [
        Event(f"l{n}", user, "item-005", Kind.PURCHASE, NOW_MS + n, 1.0, 6.0)
        for n, user in enumerate(("user-000", "newcomer"))
    ]
    store.append(later)
    assert changed_since(store, log_seq) == ["newcomer", "user-000"]
    assert changed_since(store, log_seq, most=1) == ["newcomer"]
    engine, catalogue = small_shop.engine, small_shop.catalogue
    found = members_now(
        SAVED,
        {"no-item-5-lately"},
        engine=engine,
        catalogue=catalogue,
        store=store,
        log_seq=log_seq,
        now_ms=NOW_MS + 10,
    )
    store.close()
    assert not found.holds("no-item-5-lately", "user-000")
    assert found.holds("no-item-5-lately", "user-002")
    assert not found.holds("no-item-5-lately", "newcomer")
    assert found.changed.keys() == {"user-000", "newcomer"}


def test_the_figures_of_a_customer_now_are_those_of_the_table_while_nothing_happens(
    small_shop: Recommender, population: SegmentPopulation, shop_events: list[Event], tmp_path: Path
) -> None:
    store = open_store(tmp_path, None)
    store.append(shop_events)
    ids = [f"user-{user:03}" for user in range(0, 60, 7)]
    engine = small_shop.engine
    now = customers_now(engine, small_shop.catalogue, store, ids, engine.customers.as_of_ms, store.head())
    store.close()
    rows = engine.users.positions(ids)
    for name, spec in engine.customers.specs().items():
        if spec.shape == "U" and name not in ("margin", "month_stage"):
            np.testing.assert_array_equal(getattr(now.table, name), getattr(engine.customers, name)[rows], name)
    assert replace(now.histories, offsets=now.histories.offsets[:2]).offsets[1] > 0

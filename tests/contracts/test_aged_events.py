"""Every store deletes events by kind and age, gives no number out again, and leaves all others."""

from pathlib import Path

import pytest

from recsys.data.aged_events import PIECE_ROWS
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import notice_restore
from tests.contracts.test_identity import logged

VIEWS_UNTIL_10 = {int(Kind.VIEW): 10, int(Kind.CLICK): 5}


def event(event_id: str, kind: Kind, at_ms: int, user_id: str = "u") -> Event:
    return Event(event_id, user_id, "i", kind, at_ms)


@pytest.fixture
def filled(store: Store) -> Store:
    store.append([event("a", Kind.VIEW, 9), event("b", Kind.VIEW, 10), event("c", Kind.PURCHASE, 1)])
    store.append([event("d", Kind.CLICK, 4, "v"), event("e", Kind.CLICK, 9, "v"), event("f", Kind.VIEW, -5, "v")])
    return store


def test_events_are_deleted_by_their_kind_and_age(filled: Store) -> None:
    assert filled.count_aged_events(VIEWS_UNTIL_10) == {Kind.VIEW: 2, Kind.CLICK: 1}
    assert filled.delete_aged_events(VIEWS_UNTIL_10) == 3
    assert logged(filled) == [("b", "u"), ("c", "u"), ("e", "v")]
    assert [each.event_id for each in filled.user_events("v")] == ["e"]
    assert filled.count_aged_events(VIEWS_UNTIL_10) == {}


def test_without_a_limit_nothing_is_deleted_and_no_number_is_taken(filled: Store) -> None:
    assert (filled.count_aged_events({}), filled.delete_aged_events({}), filled.head()) == ({}, 0, 6)
    assert (filled.delete_aged_events({int(Kind.VIEW): -6}), filled.head()) == (0, 6)


def test_the_number_of_a_deleted_event_is_not_given_out_again(filled: Store) -> None:
    filled.delete_aged_events(VIEWS_UNTIL_10)
    assert [(mark.seq, mark.state) for mark in filled.tombstones_since(0)] == [(7, "expired")]
    assert filled.identity("u").forgotten_seq == 0, "nobody is forgotten"
    filled.append([event("g", Kind.VIEW, 20)])
    assert filled.head() == 8


def test_a_log_that_lost_its_newest_event_by_age_is_no_restored_one(filled: Store, tmp_path: Path) -> None:
    before = notice_restore(filled, tmp_path)
    filled.delete_aged_events(VIEWS_UNTIL_10)
    assert notice_restore(filled, tmp_path).log_id == before.log_id


def test_many_events_are_deleted_piece_by_piece_over_all_stretches(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.data.aged_events.SCANNED_ROWS", 150)
    n_events = 2 * PIECE_ROWS + 50
    store.append([event(f"{n:04}", Kind.VIEW, n % 20, f"user-{n % 7}") for n in range(n_events)])
    assert store.delete_aged_events(VIEWS_UNTIL_10) == n_events // 2 + 5
    assert {each.at_ms for n in range(7) for each in store.user_events(f"user-{n}")} == set(range(10, 20))


def test_an_event_that_was_deleted_by_age_may_come_again(filled: Store) -> None:
    filled.delete_aged_events(VIEWS_UNTIL_10)
    assert filled.append([event("a", Kind.VIEW, 9)]) == [True]

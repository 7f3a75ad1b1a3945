"""Every store erases and merges piece by piece, goes on after an interruption, and judges late events."""

from dataclasses import replace

import pytest

from recsys.data.entities import Item, User
from recsys.data.events import Correction
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.people.merges import begin_merge
from recsys.data.store.people.user_tables import PIECE_ROWS
from recsys.data.store.serialization import json_text
from tests.contracts.conftest import OpenStore
from tests.contracts.test_identity import NEVER_ERASED, event, ids_of, logged


def test_an_event_from_before_an_erasure_is_not_kept_however_late_it_comes(opened: OpenStore) -> None:
    first, second = opened(), opened()
    first.merge_users("visitor", "u")
    first.append([event("a"), event("b", "v")])
    erased_ms = first.erase_user("u").at_ms
    late = [event("a"), event("c", "visitor", erased_ms), event("d", "v"), event("e", "u", erased_ms + 1)]
    assert second.append(late) == [None, None, True, True]
    assert second.correct([Correction("b", event("b", "visitor"))]) == [None]
    assert logged(first) == [("b", "v"), ("d", "v"), ("e", "u")]
    assert first.append([event("f", at_ms=erased_ms)]) == [None], "after a new event of the same id too"


def test_an_erasure_of_many_events_goes_piece_by_piece_and_erases_all(store: Store) -> None:
    events = [event(f"{n:04}", "uvw"[n % 3]) for n in range(3 * PIECE_ROWS + 3)]
    store.append(events)
    store.merge_users("v", "u")
    change = store.begin_erasure("u")
    assert change.receipt.counts["events"] == PIECE_ROWS
    assert len(logged(store)) == len(events) - PIECE_ROWS
    assert store.end_erasure(store.erase_events(change)).counts == {
        "events": len(events) * 2 // 3,
        "records": 0,
        "ids": 2,
    }
    assert {user for _, user in logged(store)} == {"w"}


def test_a_broken_off_erasure_goes_on_with_all_merged_ids_under_its_receipt(opened: OpenStore) -> None:
    first, second = opened(), opened()
    first.merge_users("visitor", "u")
    first.append([event("a"), event("b", "v")])
    broken_off = first.begin_erasure("u", "here")
    assert [change.user_ids for change in second.unfinished_changes()] == [["u", "visitor"]]
    assert second.receipt(broken_off.receipt.receipt_id) is None, "nobody is told that it is done"
    second.append([event("c", "visitor", NEVER_ERASED)])
    again = second.begin_erasure("visitor", "here")
    elsewhere = second.begin_erasure("visitor", "there")
    assert again.user_ids == elsewhere.user_ids == ["u", "visitor"]
    receipt = second.end_erasure(again)
    assert receipt.receipt_id == broken_off.receipt.receipt_id != elsewhere.receipt.receipt_id
    assert receipt.counts == {"events": 2, "records": 0, "ids": 2}
    assert [change.place for change in first.unfinished_changes()] == ["there"]
    assert logged(first) == [("b", "v")]


def test_of_two_callers_of_one_erasure_the_second_gets_the_same_receipt(store: Store) -> None:
    store.append([event("a")])
    change, again = store.begin_erasure("u"), store.begin_erasure("u")
    receipt = store.end_erasure(change)
    assert store.end_erasure(store.erase_events(again)) == receipt == store.receipt(receipt.receipt_id)
    assert receipt.counts["events"] == 1


def test_what_is_learnt_while_an_erasure_goes_on_is_from_before_it(store: Store) -> None:
    change = store.begin_erasure("u")
    store.append([event("a", "v")])
    head = store.head()
    receipt = store.end_erasure(change)
    assert store.identity("u").forgotten_seq == receipt.seq > head
    assert [tombstone.seq for tombstone in store.tombstones_since(0)] == [receipt.seq]


def test_a_merge_of_many_events_goes_piece_by_piece_and_goes_on_when_it_was_broken_off(opened: OpenStore) -> None:
    first, second = opened(), opened()
    n_events = PIECE_ROWS * 2 + 1
    first.append([event(f"{n:04}", "visitor", n) for n in range(n_events)])
    with first._user_tables(1) as tables:
        change = begin_merge(tables, "visitor", "customer")
    assert change is not None
    assert change.receipt.counts == {"events": PIECE_ROWS, "not_kept": 0}
    second.append([event("new", "visitor", n_events)])
    receipt = second.merge_users("visitor", "customer")
    assert receipt is not None
    assert receipt.counts == {"events": n_events, "not_kept": 0}
    assert [user for _, user in logged(first)] == ["customer"] * (n_events + 1)
    assert ids_of(first, "customer")[-3:] == [f"{n_events - 2:04}", f"{n_events - 1:04}", "new"]
    assert second.merge_users("visitor", "customer") is None


def test_an_erasure_ends_a_merge_that_was_broken_off(store: Store) -> None:
    store.append([event(f"{n:04}", "visitor") for n in range(PIECE_ROWS + 1)])
    with store._user_tables(1) as tables:
        begin_merge(tables, "visitor", "customer")
    assert store.erase_user("customer").counts["events"] == PIECE_ROWS + 1
    assert (logged(store), store.unfinished_changes()) == ([], [])


def test_items_and_records_that_hold_a_text_are_found_page_by_page_and_changed_with_a_new_revision(
    store: Store,
) -> None:
    text = 'a "b" \\ ü'
    store.put_items([Item(f"{n:04}", "x", attributes={"by": text} if n % 2 else {}) for n in range(1_010)])
    store.put_users([User("v", {"by": text}), User("w")])
    assert [len(page) for page in store.items_holding(json_text(text))] == [500, 5]
    assert [user.user_id for page in store.users_holding(json_text(text)) for user in page] == ["v"]
    assert list(store.items_holding(json_text("\ud800"))) == []
    revision = store.item_revision()
    store.change_items(["0001", "none"], lambda item: replace(item, name="y"))
    assert list(store.items_since(revision)) == [Item("0001", "y", attributes={"by": text})]


def test_items_with_a_word_are_found_in_any_letters(store: Store) -> None:
    store.put_items([Item("1", 'Grüner "Tee" 50%'), Item("2", "GRÜNER TEE"), Item("3", "Tee_x"), Item("4", "Tea\\n")])

    def ids(word: str) -> list[str]:
        return [item.item_id for item in store.items_with_word(word)]

    assert (ids("tee"), ids("grüner"), ids("50%"), ids("e_x")) == (["1", "2", "3"], ["1", "2"], ["1"], ["3"])
    assert (ids('"tee"'), ids("a\\n"), ids("kaffee")) == (["1"], ["4"], [])


def test_digests_of_erased_customers_stay(store: Store) -> None:
    store.erase_user("u")
    store.erase_user("v")
    store.drop_tombstones(store.head())
    assert store.erased_digests() == {store.digest(user_id).hex() for user_id in "uv"}


def test_texts_of_events_and_facts_are_found_and_replaced(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.data.store.people.held_texts.SCANNED_ROWS", 2)
    store.merge_users("visitor", "u")
    store.append([event(f"{n}/x-9", "visitor" if n == 3 else "u")._replace(order_id="x-9") for n in range(5)])
    store.append([event("other")._replace(channel="x_9")])
    facts = [Fact(f"f{n}", "u", FactKind.SERVICE, 5, text=f"of x-{8 + n}") for n in range(3)]
    store.add_facts(facts)
    n_events = store.rewrite_events_holding(
        "x-9", lambda event: event._replace(order_id="y", event_id=event.event_id.replace("x-9", "y"))
    )
    n_facts = store.rewrite_facts_holding("x-9", lambda fact: fact._replace(text="of y"))
    assert (n_events, n_facts) == (5, 1)
    assert [(event.event_id, event.order_id) for event in store.user_events("u")] == [
        *((f"{n}/y", "y") for n in range(5)),
        ("other", None),
    ]
    assert store.user_facts("u") == [facts[0], facts[1]._replace(text="of y"), facts[2]]
    assert store.append([event("2/y")._replace(order_id="y")]) == [False], "known by its new id"
    store.unmerge_user("visitor")
    assert [event.event_id for event in store.user_events("visitor")] == ["3/y"]

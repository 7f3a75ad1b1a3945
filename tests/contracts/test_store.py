"""Every store keeps the contract of events, items and customers, in any thread and process."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recsys.data.entities import Attribute, Item, User
from recsys.data.events import EVENT_SCHEMA, Correction, Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.identity import Conflict
from recsys.data.store.open import open_store
from recsys.errors import BadEvent, BadInput, BadItem, LogUnavailable

APPEND = """
import sys
from pathlib import Path
from recsys.data.events import Event
from recsys.data.store.open import open_store
home, url, who = sys.argv[1:]
store = open_store(Path(home), url or None)
for batch in range(20):
    ids = [f"{who}-{batch}-{n}" for n in range(5)] + [f"shared-{batch}-{n}" for n in range(5)]
    stored = store.append([Event(event_id, "u", "i", 1, batch) for event_id in ids])
    print(*(event_id for event_id, is_new in zip(ids, stored) if is_new))
"""
NAMES = ["plain", "Grüße", "日本語", "𝔘𝔫𝔦", "e\u0301", "a'b\"c\\d", " ", "\t\n", "x" * 512]


@dataclass
class StoreLocation:
    """Where the data of a store is; every `open` returns a new handle."""

    home: Path
    url: str | None
    opened: list[Store] = field(default_factory=list)

    def open(self) -> Store:
        self.opened.append(open_store(self.home, self.url))
        return self.opened[-1]

    def process(self, script: str, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", script, str(self.home), self.url or "", *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreLocation]:
    url = request.getfixturevalue("patient_postgres") if request.param == "postgres" else None
    location = StoreLocation(tmp_path / "new" / "home", url)
    yield location
    for store in location.opened:
        store.close()


@pytest.fixture
def store(location: StoreLocation) -> Store:
    return location.open()


def event(event_id: str, at_ms: int = 0, user_id: str = "u") -> Event:
    return Event(event_id, user_id, "i", Kind.VIEW, at_ms)


def ids_of(store: Store, after_seq: int = 0, until_seq: int | None = None) -> list[str]:
    frames = store.scan(after_seq=after_seq, until_seq=until_seq)
    return [event_id for frame in frames for event_id in frame["event_id"].to_list()]


def test_an_empty_store_is_empty(store: Store) -> None:
    assert (store.head(), store.user_head("u"), store.item_revision()) == (0, 0, 0)
    assert (store.user_events("u"), ids_of(store), list(store.items_since(0)), list(store.users())) == ([], [], [], [])
    assert (store.item("i"), store.user("u")) == (None, None)
    assert store.append([]) == []
    assert store.put_items([]) == 0


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    full = Event("e", "u", "i", Kind.RATING, 1_700_000_000_123, 1 / 3, 0.1, "order", 4.5, "app", "request")
    bare = Event("f", "u", "j", Kind.VIEW, -1, 0.0)
    assert store.append([full, bare]) == [True, True]
    assert store.user_events("u") == [bare, full]
    frame = pl.concat(store.scan())
    assert [Event(*row) for row in frame.iter_rows()] == [full, bare]
    assert dict(frame.schema) == EVENT_SCHEMA


def test_an_event_is_stored_once(store: Store) -> None:
    assert store.append([event("a"), event("b")]) == [True, True]
    assert store.append([event("b"), event("c"), event("a")]) == [False, True, False]
    assert store.append([event("a")]) == [False]
    assert ids_of(store) == ["a", "b", "c"]


def test_within_a_batch_the_first_of_equal_ids_wins(store: Store) -> None:
    conflict = Conflict(("at_ms",))
    assert store.append([event("b", 1), event("a", 2), event("b", 3), event("a", 2)]) == [True, True, conflict, False]
    assert store.user_events("u") == [event("b", 1), event("a", 2)]


def test_another_event_with_a_known_id_is_a_conflict_that_names_what_differs(store: Store) -> None:
    bought = Event("order-1/1", "u", "i", Kind.PURCHASE, 5, 2.0, 9.5, "order-1", None, "app", "shown")
    store.append([bought])
    others: dict[str, Any] = {
        "user_id": "bot",
        "item_id": "j",
        "kind": 1,
        "at_ms": 6,
        "quantity": 1.0,
        "price": 1.0,
        "channel": "web",
    }
    changed = [bought._replace(**{name: value}) for name, value in others.items()]
    assert store.append(changed) == [Conflict((name,)) for name in others]
    assert store.append([bought._replace(user_id="bot", price=1.0)]) == [Conflict(("user_id", "price"))]
    assert list(store.user_events("u")) == [bought]
    assert store.user_events("bot") == []


def test_what_an_event_leaves_out_is_no_conflict_and_what_it_adds_is(store: Store) -> None:
    full = Event("full", "u", "i", Kind.PURCHASE, 5, 1.0, 9.5, "order", None, "app", "shown")
    bare = Event("bare", "u", "i", Kind.PURCHASE, 5)
    store.append([full, bare])
    assert store.append([bare._replace(event_id="full"), full._replace(event_id="bare")]) == [
        False,
        Conflict(("price", "order_id", "channel", "request_id")),
    ]


def test_a_correction_changes_what_is_stored_and_a_second_one_changes_nothing(store: Store) -> None:
    before = [Event(f"e{n}", "u", "i", Kind.PURCHASE, n, request_id="shown") for n in range(3)]
    store.append(before)
    after = [
        before[0]._replace(price=0.1, quantity=2.0, channel="app", request_id=None),
        before[1]._replace(request_id=None),
        before[2]._replace(event_id="e2-new", user_id="v", order_id="o"),
    ]
    corrections = [*(Correction(old.event_id, new) for old, new in zip(before, after, strict=True))]
    unknown = Correction("nobody", event("nobody"))
    assert store.correct([*corrections, unknown]) == [True, False, True, None]
    kept = [event._replace(request_id="shown") for event in after]
    assert (store.user_events("u"), store.user_events("v")) == (kept[:2], kept[2:])
    assert (ids_of(store), store.head()) == (["e0", "e1", "e2-new"], 4)
    assert [(mark.seq, mark.state) for mark in store.tombstones_since(3)] == [(4, "corrected")]
    assert store.correct([Correction(event.event_id, event) for event in after]) == [False] * 3
    assert store.append([before[2], after[2]]) == [True, False]
    assert store.correct([]) == []


def test_a_correction_never_takes_the_id_of_another_event(store: Store) -> None:
    store.append([event("a", 1), event("b", 2)])
    assert store.correct([Correction("a", event("b", 3))]) == [Conflict(("event_id",))]
    assert ids_of(store) == ["a", "b"]


def test_a_correction_of_what_may_not_be_kept_stores_nothing(store: Store) -> None:
    store.append([event("a")])
    store.put_users([User("u", consent={"personalisation": False})])
    assert store.correct([Correction("a", event("a", 5))]) == [None]
    assert ids_of(store) == []


def test_a_scan_is_in_order_of_commit_and_keeps_to_its_window(store: Store) -> None:
    store.append([event("z"), event("m")])
    middle = store.head()
    store.append([event("a"), event("q")])
    assert ids_of(store) == ["z", "m", "a", "q"]
    assert ids_of(store, after_seq=middle) == ["a", "q"]
    assert ids_of(store, until_seq=middle) == ["z", "m"]
    assert ids_of(store, after_seq=middle, until_seq=middle + 1) == ["a"]
    assert ids_of(store, after_seq=store.head()) == []


def test_a_scan_that_began_does_not_see_what_comes_later(store: Store) -> None:
    store.append([event("a")])
    frames = store.scan()
    store.append([event("b")])
    assert pl.concat(frames)["event_id"].to_list() == ["a"]


def test_a_long_scan_comes_in_pages_without_a_seam(store: Store) -> None:
    many = [event(f"{n:06}") for n in range(100_001)]
    assert all(store.append(many[:60_000]) + store.append(many[60_000:]))
    assert [len(frame) for frame in store.scan()] == [100_000, 1]
    assert ids_of(store) == [event.event_id for event in many]


def test_a_customers_events_are_oldest_first_and_equal_times_in_order_of_commit(store: Store) -> None:
    store.append([event("c", 5), event("b", 3), event("a", 5), event("other", 4, "v")])
    assert [event.event_id for event in store.user_events("u")] == ["b", "c", "a"]
    assert [event.event_id for event in store.user_events("u", newest=2)] == ["c", "a"]
    assert [event.event_id for event in store.user_events("u", newest=1)] == ["a"]


def test_a_customers_events_after_a_point_are_those_stored_later(store: Store) -> None:
    store.append([event("late", 9)])
    before = store.head()
    store.append([event("early", 1)])
    assert [event.event_id for event in store.user_events("u", after_seq=before)] == ["early"]


def test_heads_move_with_what_is_stored_and_only_then(store: Store) -> None:
    store.append([event("a", user_id="u"), event("b", user_id="v")])
    assert 0 < store.user_head("u") < store.user_head("v") == store.head()
    heads = store.head(), store.user_head("u")
    store.append([event("a", user_id="u")])
    assert (store.head(), store.user_head("u")) == heads


@pytest.mark.parametrize("name", NAMES)
def test_any_text_is_kept_exactly(store: Store, name: str) -> None:
    kept = Event(name, name, name, Kind.CART, 1, order_id=name, channel=name, request_id=name)
    assert store.append([kept, kept]) == [True, False]
    assert store.user_events(name) == [kept]
    store.put_items([Item(name, name, name, name, attributes={name: name})])
    store.put_users([User(name, {name: [name]})])
    assert store.item(name) == Item(name, name, name, name, attributes={name: name})
    assert store.user(name) == User(name, {name: [name]})


@pytest.mark.parametrize(
    "bad",
    [
        event("a\0b"),
        event("\ud800"),
        event(""),
        event("x" * 513),
        event("ok", user_id=""),
        event("ok")._replace(item_id="\udfff"),
        event("ok")._replace(order_id="\0"),
        event("ok")._replace(quantity=float("nan")),
        event("ok")._replace(price=float("inf")),
        event("ok")._replace(rating=float("-inf")),
        event("ok")._replace(price=1e30),
        event("ok")._replace(rating=1e30),
        event("ok")._replace(kind=128),
        event("ok", at_ms=2**63),
        event("ok")._replace(user_id=None),  # type: ignore[arg-type]
        event("ok")._replace(quantity="1"),  # type: ignore[arg-type]
    ],
)
def test_an_event_that_cannot_be_kept_is_named_and_nothing_of_its_batch_is_stored(store: Store, bad: Event) -> None:
    with pytest.raises(BadEvent, match="cannot be stored; use"):
        store.append([event("good"), bad])
    assert store.head() == 0
    assert store.append([event("good")]) == [True]


@pytest.mark.parametrize("unknown", ["\0", "\ud800", "", "nobody"])
def test_an_id_that_cannot_be_there_is_just_unknown(store: Store, unknown: str) -> None:
    store.append([event("a")])
    assert (store.user_head(unknown), store.user_events(unknown)) == (0, [])
    assert (store.item(unknown), store.user(unknown)) == (None, None)


def test_every_change_of_an_item_gets_the_next_revision(store: Store) -> None:
    first = store.put_items([Item("a", stock=1.0), Item("b")])
    second = store.put_items([Item("a", stock=0.0)])
    assert 0 < first < second == store.item_revision()
    assert [item.item_id for item in store.items_since(0)] == ["b", "a"]
    assert list(store.items_since(first)) == [Item("a", stock=0.0)]
    assert list(store.items_since(second)) == []
    assert store.put_items([]) == second


def test_an_item_put_twice_in_a_batch_is_the_last_one(store: Store) -> None:
    store.put_items([Item("a", "old"), Item("b"), Item("a", "new")])
    assert store.item("a") == Item("a", "new")
    assert sorted(item.item_id for item in store.items_since(0)) == ["a", "b"]


def test_a_deleted_item_stays_as_a_tombstone(store: Store) -> None:
    revision = store.put_items([Item("a", "name", price=1.25)])
    store.put_items([Item("a", deleted=True)])
    assert store.item("a") == Item("a", deleted=True)
    assert list(store.items_since(revision)) == [Item("a", deleted=True)]


def test_items_come_page_by_page_and_complete(store: Store) -> None:
    store.put_items([Item(f"{n}") for n in range(20_001)])
    assert len({item.item_id for item in store.items_since(0)}) == 20_001
    assert store.item_revision() == 20_001
    assert {item.item_id for item in store.items(["0", "7", "never put"])} == {"0", "7"}


def test_an_item_keeps_all_its_fields(store: Store) -> None:
    attributes: dict[str, Attribute] = {"text": "x\0y", "number": 1.5, "flag": True, "list": ["a", "b"], "none": None}
    item = Item("a", "n\0", "c", "b", 1.25, 3.0, -5, 2**40, attributes)
    store.put_items([item])
    assert store.item("a") == item


@pytest.mark.parametrize(
    "bad", [Item("a\0"), Item(""), Item("\ud800"), Item("a", "\ud800"), Item("a", price=1e999), Item("a", stock=1e30)]
)
def test_an_item_that_cannot_be_kept_is_refused_with_its_batch(store: Store, bad: Item) -> None:
    with pytest.raises(BadItem):
        store.put_items([Item("good"), bad])
    assert store.item_revision() == 0


def test_customers_come_in_order_and_the_last_record_counts(store: Store) -> None:
    store.put_users([User("é"), User("b", {"age": 1.0}), User("Z"), User("𝔘"), User("\uffff")])
    store.put_users([User("b", {"age": 2.0, "tags": ["x"]})])
    assert [user.user_id for user in store.users()] == ["Z", "b", "é", "\uffff", "𝔘"]
    assert store.user("b") == User("b", {"age": 2.0, "tags": ["x"]})


@pytest.mark.parametrize("bad", [User("a\0"), User(""), User("a", {"name": "\ud800"})])
def test_a_customer_that_cannot_be_kept_is_refused_with_the_batch(store: Store, bad: User) -> None:
    with pytest.raises(BadInput):
        store.put_users([User("good"), bad])
    assert list(store.users()) == []


def test_two_handles_see_each_others_writes_at_once(location: StoreLocation) -> None:
    first, second = location.open(), location.open()
    assert (first.head(), second.head()) == (0, 0)
    first.append([event("a")])
    assert second.user_head("u") == first.head() > 0
    assert second.append([event("a"), event("b")]) == [False, True]
    assert [event.event_id for event in first.user_events("u")] == ["a", "b"]
    second.put_items([Item("i")])
    second.put_users([User("u")])
    assert (first.item("i"), first.user("u"), first.item_revision()) == (Item("i"), User("u"), second.item_revision())


def test_a_write_of_any_handle_is_a_change(location: StoreLocation) -> None:
    first, second = location.open(), location.open()
    first.changed()
    writes: list[Callable[[], object]] = [
        lambda: first.append([event("a")]),
        lambda: second.append([event("b")]),
        lambda: first.put_items([Item("i")]),
        lambda: second.put_users([User("u")]),
    ]
    changed = [(write(), first.changed())[1] for write in writes]
    assert changed == [True] * 4
    assert first.changed() == (not first.is_local)


def test_what_was_stored_is_there_after_opening_again(location: StoreLocation) -> None:
    first = location.open()
    first.append([event("a")])
    first.put_items([Item("i")])
    first.close()
    again = location.open()
    assert ([event.event_id for event in again.user_events("u")], again.item("i")) == (["a"], Item("i"))


def test_a_closed_store_is_unavailable(store: Store) -> None:
    store.append([event("a")])
    store.head()
    store.close()
    calls: list[Callable[[], object]] = [
        lambda: store.append([event("b")]),
        lambda: store.put_items([Item("i")]),
        lambda: store.put_users([User("u")]),
        lambda: list(store.scan()),
        lambda: store.user_events("u"),
        store.head,
        store.item_revision,
    ]
    for call in calls:
        with pytest.raises(LogUnavailable, match="closed"):
            call()
    store.close()


def test_threads_that_append_at_once_lose_nothing_and_store_nothing_twice(store: Store) -> None:
    def work(who: int) -> list[str]:
        batches = [[f"{who}-{n}", f"shared-{n}"] for n in range(20)]
        results = [(ids, store.append([event(name, user_id=f"u{who}") for name in ids])) for ids in batches]
        assert store.user_head(f"u{who}") <= store.head()
        return [name for ids, stored in results for name, is_new in zip(ids, stored, strict=True) if is_new]

    with ThreadPoolExecutor(4) as threads:
        acknowledged = [name for ids in threads.map(work, range(4)) for name in ids]
    assert sorted(acknowledged) == sorted(ids_of(store))
    assert len(set(acknowledged)) == len(acknowledged) == 4 * 20 + 20


def test_processes_that_append_at_once_lose_nothing_and_store_nothing_twice(location: StoreLocation) -> None:
    processes = [location.process(APPEND, who) for who in ("a", "b")]
    acknowledged = " ".join(process.communicate()[0] for process in processes).split()
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(acknowledged) == sorted(ids_of(location.open()))
    assert len(set(acknowledged)) == len(acknowledged) == 2 * 100 + 100


def test_threads_that_put_items_at_once_each_get_their_own_revision(store: Store) -> None:
    with ThreadPoolExecutor(4) as threads:
        revisions = list(threads.map(lambda n: store.put_items([Item(f"{n}")]), range(20)))
    assert sorted(revisions) == list(range(1, 21))

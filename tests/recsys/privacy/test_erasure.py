"""A customer is told everything that is known of them, and erased from everything a home holds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from recsys.bundle import Manifest, write_bundle
from recsys.data.answer_log.log import FILE, AnswerLog, LoggedAnswer
from recsys.data.entities import User
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store, open_store
from recsys.privacy.erasure import erase, remains
from recsys.privacy.export import export
from recsys.ranking.recommender import Recommender


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(tmp_path, None)
    yield found
    found.close()


def event(event_id: str, user_id: str) -> Event:
    return Event(event_id, user_id, "item-001", Kind.PURCHASE, 1_700_000_000_000, 2.0, 1.5, "order")


def told(store: Store, home: Path, user_id: str, recommender: Recommender | None = None) -> dict[str, Any]:
    return dict(json.loads(b"".join(export(store, home, recommender, user_id))))


def rejected(home: Path, *lines: dict[str, Any]) -> Path:
    file = home / "rejects" / "20260101T000000Z-orders.csv.jsonl"
    file.parent.mkdir()
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return file


def was_shown(home: Path, user_id: str) -> None:
    log = AnswerLog(home / FILE)
    item = {"item_id": "item-002", "rank": 1, "score": 0.5, "source": "popular"}
    answer = {"items": [item], "placement": "home", "model_version": "v", "fallback": "popular"}
    log.keep([LoggedAnswer(f"request-of-{user_id}", 1_700_000_000_000, user_id, orjson.dumps(answer))])
    log.close()


def test_an_export_holds_all_that_is_known(store: Store, tmp_path: Path, small_shop: Recommender) -> None:
    store.put_users([User("user-002", {"town": "Ulm"}, {"marketing": True})])
    store.append([event("a", "user-002"), event("b", "visitor"), event("c", "user-003")])
    store.merge_users("visitor", "user-002")
    was_shown(tmp_path, "user-002")
    was_shown(tmp_path, "visitor")
    was_shown(tmp_path, "user-003")
    found = told(store, tmp_path, "visitor", small_shop)
    assert (found["user_id"], found["merged_ids"], found["attributes"]) == ("user-002", ["visitor"], {"town": "Ulm"})
    assert found["consent"] == {"personalisation": None, "marketing": True}
    assert [one["event_id"] for one in found["events"]] == ["a", "b"]
    assert found["events"][0] == {
        "event_id": "a",
        "user_id": "user-002",
        "item_id": "item-001",
        "kind": "purchase",
        "at": 1_700_000_000_000,
        "quantity": 2.0,
        "price": 1.5,
        "order_id": "order",
    }
    history = found["release"]["history"]
    assert len(history) == len(small_shop.engine.history_of("user-002").item) > 0
    assert {"item_id", "kind", "at", "weight"} == set(history[0])
    assert {(one["user_id"], one["item_id"]) for one in found["shown"]} == {
        ("user-002", "item-002"),
        ("visitor", "item-002"),
    }


def test_an_export_of_nobody_is_an_empty_document(store: Store, tmp_path: Path, small_shop: Recommender) -> None:
    found = told(store, tmp_path, "nobody", small_shop)
    assert (found["events"], found["shown"], found["attributes"]) == ([], [], {})
    assert (found["release"]["is_known"], found["release"]["history"]) == (False, [])
    assert told(store, tmp_path, "nobody")["release"] == {}


def test_an_export_says_nothing_of_a_past_that_was_forgotten(
    store: Store, tmp_path: Path, small_shop: Recommender
) -> None:
    store.append([event(f"{n}", "somebody") for n in range(small_shop.bundle.manifest.log_seq)])
    store.erase_user("user-002")
    assert told(store, tmp_path, "user-002", small_shop)["release"]["is_known"] is False


def test_refused_lines_of_the_customer_go_and_no_others(store: Store, tmp_path: Path) -> None:
    mine = [
        {"line": 1, "reason": "at", "row": {"customer": 17}, "read": {"user_id": "17"}},
        {"line": 2, "reason": "at", "row": {"sku": "x", "who": 17}, "read": None},
        {"line": 3, "reason": "no row", "row": {"text": '2024,17,"broken', "why": "quote"}, "read": None},
    ]
    others = [
        {"line": 4, "reason": "at", "row": {"customer": 18, "quantity": 17}, "read": {"user_id": "18"}},
        {"line": 5, "reason": "no row", "row": {"text": "2024,1775", "why": "quote"}, "read": None},
    ]
    file = rejected(tmp_path, *mine, *others)
    receipt = erase(store, tmp_path, "17")
    assert [orjson.loads(line)["line"] for line in file.read_bytes().splitlines()] == [4, 5]
    assert receipt.counts["rejected_lines"] == 3


def test_a_receipt_names_nobody_and_says_what_was_erased(store: Store, tmp_path: Path) -> None:
    store.append([event("a", "ann@example.com"), event("b", "visitor-of-ann")])
    store.put_users([User("ann@example.com", {"town": "Ulm"})])
    store.merge_users("visitor-of-ann", "ann@example.com")
    was_shown(tmp_path, "visitor-of-ann")
    receipt = erase(store, tmp_path, "visitor-of-ann")
    assert receipt.counts == {"events": 2, "records": 1, "ids": 2, "shown": 1, "rejected_lines": 0}
    assert store.receipt(receipt.receipt_id) == receipt
    assert "ann" not in receipt.to_json().decode()
    assert told(store, tmp_path, "ann@example.com")["events"] == []


def test_releases_of_an_older_log_are_named_until_they_are_gone(store: Store, tmp_path: Path) -> None:
    store.append([event("a", "u")])
    for version, log_seq in (("old", 1), ("new", 2)):
        manifest = Manifest(version=version, made_at_ms=0, now=0.0, log_seq=log_seq)
        write_bundle(tmp_path / "bundles" / version, {}, manifest)
    (tmp_path / "bundles" / "damaged").mkdir()
    receipt = erase(store, tmp_path, "u")
    assert receipt.seq == 2
    assert remains(store, tmp_path, receipt) == {"releases": ["damaged", "old"], "log_file": False}


def test_a_large_file_waits_for_the_sweep(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.privacy.erasure.AT_ONCE_BYTES", 1)
    receipt = erase(store, tmp_path, "u")
    assert remains(store, tmp_path, receipt)["log_file"]
    assert store.sweep()
    assert not remains(store, tmp_path, receipt)["log_file"]


@pytest.mark.parametrize("n_others", [0, 400])
def test_no_byte_of_an_erased_customer_is_left_in_the_file(store: Store, tmp_path: Path, n_others: int) -> None:
    users = [f"other-{n:04}-{'x' * (n % 40)}" for n in range(n_others)]
    for batch in range(12):
        store.append(
            [event(f"event-{batch}-of-{user}", user)._replace(order_id=f"order-{batch}-of-{user}") for user in users]
        )
        gone = event(f"{batch}-ev-unmistakable-id", "unmistakable-id")
        store.append([gone._replace(order_id=f"unmistakable-order-{batch}", channel="unmistakable-channel")])
        store.put_users([User("unmistakable-id", {"name": f"unmistakable-name-{batch}"}, {"marketing": True})])
    erase(store, tmp_path, "unmistakable-id")
    store.append([event("later", "other")])
    left = {path.name: path.read_bytes().count(b"unmistakable") for path in tmp_path.rglob("*") if path.is_file()}
    assert set(left.values()) == {0}, left
    assert {user: len(store.user_events(user)) for user in users} == dict.fromkeys(users, 12)

"""Erasure removes a customer from everything in a home, and lists the releases that still know them."""

import io
import json
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from recsys.bundle import Manifest, write_bundle
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE, AnswerLog, LoggedAnswer
from recsys.data.entities import User, UserChange
from recsys.data.events import Event, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.uploads import UPLOADS, UploadFolder
from recsys.errors import LogUnavailable
from recsys.privacy.erasure import erase_user_data, remaining_traces, tidy
from recsys.privacy.export import export_user_data
from recsys.ranking.recommender import Recommender


def event(event_id: str, user_id: str) -> Event:
    return Event(event_id, user_id, "item-001", Kind.PURCHASE, 1_700_000_000_000, 2.0, 1.5, "order")


def exported(store: Store, home: Path, user_id: str, recommender: Recommender | None = None) -> dict[str, Any]:
    return dict(json.loads(b"".join(export_user_data(store, home, recommender, user_id))))


def rejected_lines(home: Path, *lines: dict[str, Any]) -> Path:
    file = home / "rejects" / "20260101T000000Z-orders.csv.jsonl"
    file.parent.mkdir()
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return file


def log_answer(home: Path, user_id: str) -> None:
    log = AnswerLog(home / ANSWER_LOG_FILE)
    item = {"item_id": "item-002", "rank": 1, "score": 0.5, "source": "popular"}
    answer = {"items": [item], "placement": "home", "model_version": "v", "fallback": "popular"}
    log.append([LoggedAnswer(f"request-of-{user_id}", 1_700_000_000_000, user_id, orjson.dumps(answer))])
    log.close()


def test_refused_lines_of_the_customer_are_removed_and_no_others(store: Store, tmp_path: Path) -> None:
    mine = [
        {"line": 1, "reason": "at", "row": {"customer": 17}, "read": {"user_id": "17"}},
        {"line": 2, "reason": "at", "row": {"sku": "x", "who": 17}, "read": None},
        {"line": 3, "reason": "no row", "row": {"text": '2024,17,"broken', "why": "quote"}, "read": None},
    ]
    others = [
        {"line": 4, "reason": "at", "row": {"customer": 18, "quantity": 17}, "read": {"user_id": "18"}},
        {"line": 5, "reason": "no row", "row": {"text": "2024,1775", "why": "quote"}, "read": None},
    ]
    file = rejected_lines(tmp_path, *mine, *others)
    UploadFolder(tmp_path, 100).receive("orders.csv", io.BytesIO(b"17"), 0)
    receipt = erase_user_data(store, tmp_path, "17")
    assert list((tmp_path / UPLOADS).glob("*")) == []
    assert [orjson.loads(line)["line"] for line in file.read_bytes().splitlines()] == [4, 5]
    assert receipt.counts["rejected_lines"] == 3


def test_refused_lines_of_others_that_hold_the_address_of_the_customer_are_removed(
    store: Store, tmp_path: Path
) -> None:
    lines = [
        {"line": 1, "reason": "at", "row": {"order": "ann@x.org-17"}, "read": {"user_id": "bob"}},
        {"line": 2, "reason": "at", "row": {"order": "joann@x.org-18"}, "read": {"user_id": "bob"}},
    ]
    file = rejected_lines(tmp_path, *lines)
    assert erase_user_data(store, tmp_path, "ann@x.org").counts["rejected_lines"] == 1
    assert orjson.loads(file.read_bytes()) == lines[1]


def test_refused_lines_of_others_that_hold_the_code_of_the_customer_in_an_id_are_removed(
    store: Store, tmp_path: Path
) -> None:
    lines = [
        {"line": 1, "reason": "at", "row": {}, "read": {"user_id": "bob", "order_id": "order-c1048-1"}},
        {"line": 2, "reason": "at", "row": {}, "read": {"user_id": "bob", "order_id": "c10481", "channel": "c1048"}},
    ]
    file = rejected_lines(tmp_path, *lines)
    assert erase_user_data(store, tmp_path, "c1048").counts["rejected_lines"] == 1
    assert orjson.loads(file.read_bytes()) == lines[1]


def test_a_receipt_counts_what_was_erased_and_names_no_id(store: Store, tmp_path: Path) -> None:
    store.append([event("a", "ann@example.com"), event("b", "visitor-of-ann")])
    store.put_users([User("ann@example.com", {"town": "Ulm"})])
    store.merge_users("visitor-of-ann", "ann@example.com")
    log_answer(tmp_path, "visitor-of-ann")
    receipt = erase_user_data(store, tmp_path, "visitor-of-ann")
    assert receipt.counts == {"events": 2, "records": 1, "ids": 2, "shown": 1, "rejected_lines": 0}
    assert store.receipt(receipt.receipt_id) == receipt
    assert "ann" not in receipt.to_json().decode()
    assert exported(store, tmp_path, "ann@example.com")["events"] == []


def test_releases_of_an_older_log_are_listed_until_they_are_deleted(store: Store, tmp_path: Path) -> None:
    store.append([event("a", "u")])
    for version, log_seq in (("old", 1), ("new", 3)):
        manifest = Manifest(version=version, made_at_ms=0, now=0.0, log_seq=log_seq)
        write_bundle(tmp_path / "bundles" / version, {}, manifest)
    (tmp_path / "bundles" / "damaged").mkdir()
    receipt = erase_user_data(store, tmp_path, "u")
    assert receipt.seq == 3
    assert remaining_traces(store, tmp_path, receipt) == {"releases": ["damaged", "old"], "log_file": False}


def test_a_large_file_waits_for_the_sweep(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.privacy.erasure.SWEEP_NOW_BYTES", 1)
    receipt = erase_user_data(store, tmp_path, "u")
    assert remaining_traces(store, tmp_path, receipt)["log_file"]
    assert store.sweep()
    assert not remaining_traces(store, tmp_path, receipt)["log_file"]


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
        fact = Fact(f"unmistakable-fact-{batch}", "unmistakable-id", FactKind.SEARCH, 1, 0, "unmistakable query")
        store.add_facts([fact, Fact(f"r-{batch}", "other", FactKind.REFERRAL, 1, ref="unmistakable-id")])
        store.change_users([UserChange("unmistakable-visitor", {"town": "unmistakable-town"}, {"marketing": False})])
        store.append([event(f"{batch}-unmistakable-visit", "unmistakable-visitor")])
        store.merge_users("unmistakable-visitor", "unmistakable-id")
    erase_user_data(store, tmp_path, "unmistakable-id")
    store.append([event("later", "other")])
    assert [fact.ref for fact in store.user_facts("other")] == [None] * 12
    left = {path.name: path.read_bytes().count(b"unmistakable") for path in tmp_path.rglob("*") if path.is_file()}
    assert set(left.values()) == {0}, left
    assert {user: len(store.user_events(user)) for user in users} == dict.fromkeys(users, 12)


def test_an_erasure_that_a_reader_of_the_answers_stops_goes_on_with_the_merged_ids(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.data.answer_log.answer_log.BUSY_MS", 1)
    store.append([event("a", "ann"), event("b", "visitor")])
    store.merge_users("visitor", "ann")
    for user_id in ("ann", "visitor", "visitor"):
        log_answer(tmp_path, user_id)
    with AnswerLogReader(tmp_path):
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="erase again"):
                erase_user_data(store, tmp_path, "ann")
    receipt = erase_user_data(store, tmp_path, "ann")
    assert receipt.counts == {"events": 2, "records": 0, "ids": 2, "shown": 3, "rejected_lines": 0}
    assert b"visitor" not in b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
    assert store.unfinished_changes() == []


def test_an_erasure_that_was_broken_off_ends_without_being_asked_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.data.answer_log.answer_log.BUSY_MS", 1)
    store.append([event("a", "ann")])
    log_answer(tmp_path, "ann")
    with AnswerLogReader(tmp_path), pytest.raises(LogUnavailable):
        erase_user_data(store, tmp_path, "ann")
    (unfinished,) = store.unfinished_changes()
    tidy(store, tmp_path / "another")
    assert store.unfinished_changes() == [unfinished], "each home erases its own files"
    tidy(store, tmp_path)
    assert store.unfinished_changes() == []
    receipt = store.receipt(unfinished.receipt.receipt_id)
    assert receipt is not None
    assert receipt.counts == {"events": 1, "records": 0, "ids": 1, "shown": 1, "rejected_lines": 0}


def test_erasures_in_a_row_rewrite_the_file_once_a_minute(store: Store, tmp_path: Path) -> None:
    first, second = (erase_user_data(store, tmp_path, user_id) for user_id in "uv")
    assert [remaining_traces(store, tmp_path, receipt)["log_file"] for receipt in (first, second)] == [False, True]
    tidy(store, tmp_path)
    assert remaining_traces(store, tmp_path, second)["log_file"]
    assert store.sweep()
    assert not remaining_traces(store, tmp_path, second)["log_file"]


class AnswerLogReader:
    """A connection that reads the answer log, and holds its old state."""

    def __init__(self, home: Path) -> None:
        self._connection = apsw.Connection(str(home / ANSWER_LOG_FILE))

    def __enter__(self) -> None:
        self._connection.execute("BEGIN; SELECT count(*) FROM shown").fetchall()

    def __exit__(self, *_: object) -> None:
        self._connection.close()

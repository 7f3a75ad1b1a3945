"""The index of events by customer is complete while rows move from the small table to the large one."""

from collections import defaultdict
from pathlib import Path

import apsw
import numpy as np
import pytest

from recsys.data.events import Event
from recsys.data.store import sqlite_user_index
from recsys.data.store.identity import Conflict
from recsys.data.store.sqlite import SqliteStore
from recsys.data.store.sqlite_connection import APPLICATION_ID

SCHEMA_VERSION_1 = f"""
CREATE TABLE events(
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, user_id TEXT NOT NULL, item_id TEXT NOT NULL,
    kind INTEGER NOT NULL, at_ms INTEGER NOT NULL, quantity REAL NOT NULL, price REAL, order_id TEXT, rating REAL,
    channel TEXT, request_id TEXT
) STRICT;
CREATE INDEX events_by_user ON events(user_id, seq);
CREATE TABLE event_ids(event_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE items(revision INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE, document BLOB NOT NULL) STRICT;
CREATE TABLE users(user_id TEXT PRIMARY KEY, document BLOB NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO events(event_id, user_id, item_id, kind, at_ms, quantity) VALUES ('a', 'u', 'i', 5, 1, 1.0);
INSERT INTO events(event_id, user_id, item_id, kind, at_ms, quantity) VALUES ('b', 'v', 'i', 5, 2, 1.0);
INSERT INTO event_ids VALUES ('a'), ('b');
PRAGMA application_id={APPLICATION_ID};
PRAGMA user_version=1;
"""


def rows(path: Path, table: str) -> int:
    connection = apsw.Connection(str(path))
    n = int(connection.execute(f"SELECT count(*) FROM {table}").get)
    connection.close()
    return n


def test_every_event_is_found_in_either_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_user_index, "_MAX_NEW", 200)
    monkeypatch.setattr(sqlite_user_index, "_MANY", 100)
    path, rng = tmp_path / "shop.db", np.random.default_rng(0)
    writers = [SqliteStore(path), SqliteStore(path)]
    mine: dict[str, list[str]] = defaultdict(list)
    for turn in range(120):
        users = [f"user-{user}" for user in rng.integers(0, 30, rng.choice([1, 40, 150]))]
        events = [Event(f"{turn}-{at}", user, "i", 5, 1_000 * turn + at) for at, user in enumerate(users)]
        writers[turn % 2].append(events)
        for event in events:
            mine[event.user_id].append(event.event_id)
        user = users[0]
        assert [event.event_id for event in writers[0].user_events(user, newest=9_999)] == mine[user]
        newest = writers[0].user_events(user, after_seq=writers[0].user_head(user) - 1)
        assert [event.event_id for event in newest] == [mine[user][-1]]
    n = sum(map(len, mine.values()))
    assert rows(path, "new_of_user") < 1_500
    assert rows(path, "new_of_user") + rows(path, "events_of_user") == n == writers[0].head()


def test_an_import_into_a_large_log_moves_its_rows_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_user_index, "_MANY", 10)
    monkeypatch.setattr(sqlite_user_index, "_SMALL_LOG", 2)
    path = tmp_path / "shop.db"
    store, waiting = SqliteStore(path), []
    for turn in range(40):
        store.append([Event(f"{turn}-{n}", f"user-{n}", "i", 5, 1_000 * turn + n) for n in range(10)])
        waiting.append(rows(path, "new_of_user"))
    assert waiting[:2] == [0, 0]  # a small log: straight into the large table
    assert max(waiting) == 60  # as many as the square root of 10 rows of a commit times 400 of the log
    assert waiting.count(0) > 5
    assert [event.event_id for event in store.user_events("user-3", newest=99)] == [f"{turn}-3" for turn in range(40)]


def test_a_failed_transaction_moves_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_user_index, "_MAX_NEW", 4)
    store = SqliteStore(tmp_path / "shop.db")
    store.append([Event(f"{n}", f"user-{n % 3}", "i", 5, n) for n in range(9)])
    with store._writing() as connection:
        store._insert_new(connection, [Event("x", "user-1", "i", 5, 99)])
        connection.execute("ROLLBACK; BEGIN")
    store.append([Event("y", "user-1", "i", 5, 100)])
    assert [event.event_id for event in store.user_events("user-1")] == ["1", "4", "7", "y"]


def test_a_file_of_an_earlier_build_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with apsw.Connection(str(path)) as connection:
        connection.execute(SCHEMA_VERSION_1)
    store = SqliteStore(path)
    reduced = Event("c", "v", "i", 5, 3, discount=0.3, coupon="SPRING", campaign="mail-7")
    assert store.append([Event("b", "v", "i", 5, 9), reduced]) == [Conflict(("at_ms",)), True]
    assert store.user_events("v") == [Event("b", "v", "i", 5, 2), reduced]
    assert (store.user_head("u"), store.user_head("v"), store.user_head("w")) == (1, 3, 0)
    assert SqliteStore(path).head() == 3

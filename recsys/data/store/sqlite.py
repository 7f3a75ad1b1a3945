"""SQLite store: the default, one file for any number of threads and processes."""

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from operator import itemgetter
from pathlib import Path
from typing import Any

import apsw

from recsys.data.entities import Item
from recsys.data.events import ACTIVITY_FIELDS, Event
from recsys.data.lineage import HEAD, REVISION, IdentityCause, Lineage, LogIdentity, replace_identity
from recsys.data.store import sqlite_user_index, sqlite_users
from recsys.data.store.base import EVENT_PAGE_ROWS, Store
from recsys.data.store.identity import AppendResult, with_discarded, with_owner_ids
from recsys.data.store.people.user_tables import FIELDS, Row
from recsys.data.store.serialization import item_document
from recsys.data.store.sqlite_bulk_insert import insert_rows
from recsys.data.store.sqlite_connection import (
    N_BYTES,
    RECENTLY_SWEPT,
    connect,
    create_or_migrate,
    place_or_unavailable,
    sweep_file,
    translated_errors,
    unavailable,
)
from recsys.data.store.sqlite_user_index import UserEventIndex
from recsys.data.store.sqlite_users import PUT_ITEM, SqliteUserTables
from recsys.data.store.validation import checked_columns, flag_new
from recsys.errors import LogUnavailable

_EVENTS = f"events(seq, {FIELDS})"
_OF_USER = sqlite_user_index.user_events_query(FIELDS)
_ACTIVITY_OF_USER = sqlite_user_index.user_events_query(ACTIVITY_FIELDS)
_ADD_IDS = "INSERT OR FAIL INTO event_ids SELECT event_id, seq FROM events WHERE seq >= ? ORDER BY event_id"
_NEWEST = "ORDER BY at_ms DESC, seq DESC"
_BY_TIME = itemgetter(1 + Event._fields.index("at_ms"), 0)


class SqliteStore(Store):
    """A `Store`.  Every thread reads with a connection of its own; one connection writes, one thread at a time.

    A connection with an error is closed, and the next call opens a new one.  The place of its identity is the inode of
    the file, and inode and time of change of a second file beside it, see `place_of_file`.
    """

    is_local = True
    _ITEMS = "SELECT document FROM items WHERE item_id IN (SELECT value FROM json_each($1))"
    _ACTIVITY = f"SELECT {ACTIVITY_FIELDS} FROM ({_ACTIVITY_OF_USER}) ORDER BY seq"
    _EVENT_PAGES = f"SELECT * FROM ({_OF_USER}) ORDER BY seq LIMIT {EVENT_PAGE_ROWS}"
    _USER_HEAD = sqlite_user_index.HEAD
    _EVENT_OWNERS = sqlite_user_index.OWNER_PAGES
    _HOLDING = "WHERE instr(CAST(document AS TEXT), $1) > 0"
    _LIKE = r"WHERE CAST(document AS TEXT) LIKE $1 ESCAPE '\'"
    _IN_COLUMN = "instr({column}, $1) > 0"
    _IDENTITY = sqlite_users.IDENTITY

    def __init__(self, path: Path, *, busy_ms: int = 5_000) -> None:
        """Opens the file, or makes it; a writer waits up to busy_ms for the write of another process.

        Raises LogUnavailable when the file cannot be used, BadFile when it is not ours or of a newer build.
        """
        self._path = path
        self._busy_ms = busy_ms
        self._is_open = True
        self._readers = threading.local()
        self._write_lock = threading.Lock()
        self._writer: apsw.Connection | None = None
        self._watch_lock = threading.Lock()
        self._watcher: apsw.Connection | None = None
        self._seen_version = -1
        self._user_index = UserEventIndex()
        self._unstored_id = secrets.token_hex(8)  # of a copy whose identity cannot be written
        self._place = self._create_or_migrate()

    def append(self, events: Sequence[Event]) -> list[AppendResult]:
        checked_columns(events)
        if not events:
            return []
        with self._writing() as connection:
            tables = SqliteUserTables(connection, self._user_index, self.digest)
            owner_ids = tables.event_owners(events)
            kept = events if owner_ids is None else with_owner_ids(events, owner_ids)
            results = tables.append_results(kept, self._insert(connection, kept))
            if owner_ids is not None:
                tables.note_sent_as(events, owner_ids, results)
        return results if owner_ids is None else with_discarded(owner_ids, results)

    def user_events(self, user_id: str, *, after_seq: int = 0, newest: int = 1_000) -> list[Event]:
        rows = self._read(f"{_OF_USER} LIMIT ?3", user_id, after_seq, newest + 1)
        if len(rows) > newest:  # rare: to prepare a sort takes SQLite five times as long as to read few rows
            rows = self._read(f"{_OF_USER} {_NEWEST} LIMIT ?3", user_id, after_seq, newest)
        return [Event._make(row[1:]) for row in sorted(rows, key=_BY_TIME)]

    def put_items(self, items: Sequence[Item]) -> int:
        documents = {item.item_id: item_document(item) for item in items}
        with self._writing() as connection:
            connection.executemany(PUT_ITEM, documents.items())
            return int(connection.execute(REVISION).get)

    def sweep(self, most_bytes: int | None = None) -> bool:
        if most_bytes is not None and not self.may_sweep(most_bytes):
            return False
        with translated_errors(self._path):
            return sweep_file(self._path, self._write_lock, busy_ms=self._busy_ms, is_urgent=most_bytes is None)

    def may_sweep(self, most_bytes: int) -> bool:
        return self._number(N_BYTES) <= most_bytes and not self._number(RECENTLY_SWEPT)

    def swept_until(self) -> int:
        return self._number("SELECT coalesce(max(seq), 0) FROM sweeps")

    def changed(self) -> bool:
        with self._watch_lock:
            try:
                self._watcher = self._watcher or self._open()
                version = self._watcher.execute("PRAGMA data_version").get
            except apsw.Error as error:
                raise unavailable(self._path, error) from error
            was, self._seen_version = self._seen_version, version
            return bool(was != version)

    def lineage(self) -> Lineage:
        lineage, place = super().lineage(), place_or_unavailable(self._path)
        if lineage.current.place == place:
            return lineage
        copy = LogIdentity(self._unstored_id, lineage.head.seq, lineage.head.revision, 0, "copied", place)
        return Lineage((*lineage.identities, copy), lineage.head._replace(log_id=copy.log_id))

    def draw_identity(self, cause: IdentityCause, *, before: str) -> None:
        with self._writing() as connection:
            replace_identity(connection.execute, place_or_unavailable(self._path), cause, before=before)

    def refresh(self) -> None:
        if place_or_unavailable(self._path) != self._place:
            with self._write_lock, self._watch_lock:
                self._drop_connections()
                self._user_index = UserEventIndex()
                self._place = self._create_or_migrate()

    def close(self) -> None:
        with self._write_lock, self._watch_lock:
            self._is_open = False
            self._drop_connections()

    def _drop_connections(self) -> None:
        self._readers = threading.local()  # a thread that reads now finishes its read first
        for connection in (self._writer, self._watcher):
            if connection is not None:
                connection.close(True)
        self._writer = self._watcher = None
        self._seen_version = -1

    def _create_or_migrate(self) -> str:
        """Returns the place of the file."""
        create_or_migrate(self._path, busy_ms=self._busy_ms)
        return place_or_unavailable(self._path)

    def _insert(self, connection: apsw.Connection, events: Sequence[Event]) -> list[bool]:
        """Stores the events with new ids, and marks them.

        Usually all are new, which SQLite finds out while it stores them.
        """
        if self._insert_new(connection, events):
            return [True] * len(events)
        ids = sorted({event.event_id for event in events})
        known = connection.executemany("SELECT event_id FROM event_ids WHERE event_id = ?", zip(ids))
        stored = flag_new(events, set(ids).difference(event_id for (event_id,) in known))
        kept = list(compress(events, stored))
        if kept and not self._insert_new(connection, kept):
            raise AssertionError("an id that was new is known")
        return stored

    def _insert_new(self, connection: apsw.Connection, events: Sequence[Event]) -> bool:
        """Stores all events, or none if an id is known or occurs twice."""
        connection.execute("SAVEPOINT new")  # released soon: within a savepoint pages are copied before they change
        first_seq = connection.execute(HEAD).get + 1
        insert_rows(connection, _EVENTS, [(seq, *event) for seq, event in enumerate(events, first_seq)])
        try:
            connection.execute(_ADD_IDS, (first_seq,))
        except apsw.ConstraintError:
            connection.execute("ROLLBACK TO new")
            return False
        connection.execute("RELEASE new")
        self._user_index.add(connection, first_seq, len(events))
        return True

    def _read(self, sql: str, *values: Any) -> list[Row]:
        connection: apsw.Connection | None = getattr(self._readers, "connection", None)
        try:
            if connection is None:
                connection = self._readers.connection = self._open()
            return connection.execute(sql, values).fetchall()
        except UnicodeEncodeError:
            return []  # a lone surrogate: no such id was ever stored
        except apsw.Error as error:
            self._readers.__dict__.clear()
            raise unavailable(self._path, error) from error

    def _write(self, sql: str, *values: Any) -> list[Row]:
        with self._writing() as connection:
            return connection.execute(sql, values).fetchall()

    def _reader(self) -> apsw.Connection:
        connection: apsw.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._readers.connection = self._open()
        return connection

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        """One durable transaction: all of it or, whatever goes wrong, nothing."""
        with self._write_lock, translated_errors(self._path):
            connection, self._writer = self._writer or self._open(cache_kib=64_000), None
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
                self._writer = connection
            finally:
                if self._writer is None:
                    connection.close(True)

    @contextmanager
    def _user_tables(self, n_rows: int) -> Iterator[SqliteUserTables]:
        with self._writing() as connection:
            yield SqliteUserTables(connection, self._user_index, self.digest)

    def _open(self, cache_kib: int = 8_000) -> apsw.Connection:
        if not self._is_open:
            raise LogUnavailable(f"{self._path}: the store was closed; open it again")
        return connect(self._path, busy_ms=self._busy_ms, cache_kib=cache_kib)

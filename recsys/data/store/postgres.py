"""PostgreSQL store: for shops with workers on several machines."""

import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from recsys.data.entities import Item
from recsys.data.events import Event
from recsys.data.store import postgres_users
from recsys.data.store.identity import AppendResult, Identity, with_discarded, with_owner_ids
from recsys.data.store.postgres_pool import ConnectionPool, PostgresConnection
from recsys.data.store.postgres_users import PostgresUserTables
from recsys.data.store.sql_store import PAGE_ROWS, Row, SqlStore
from recsys.data.store.validation import checked_columns, flag_new, is_text, item_document
from recsys.errors import BadFile

SCHEMA_VERSION = 2
READ_S = 2.0
PAGE_S = 30.0
WRITE_S = 2.5
ROWS_PER_S = 5_000  # a large batch gets more time than WRITE_S
# One writer at a time, so that events and revisions become visible in their order.  The number is only ours.
_LOCK = f"SELECT pg_advisory_xact_lock({0x7265_6373})"

_SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS recsys;
CREATE TABLE IF NOT EXISTS recsys.version(version integer NOT NULL);
INSERT INTO recsys.version SELECT {SCHEMA_VERSION} WHERE NOT EXISTS (SELECT FROM recsys.version);
CREATE TABLE IF NOT EXISTS recsys.events(
    seq bigint PRIMARY KEY, event_id text COLLATE "C" NOT NULL UNIQUE, user_id text COLLATE "C" NOT NULL,
    item_id text NOT NULL, kind smallint NOT NULL, at_ms bigint NOT NULL, quantity double precision NOT NULL,
    price double precision, order_id text, rating double precision, channel text, request_id text
);
CREATE INDEX IF NOT EXISTS events_by_user ON recsys.events(user_id, seq);
CREATE TABLE IF NOT EXISTS recsys.items(
    revision bigint PRIMARY KEY, item_id text COLLATE "C" NOT NULL UNIQUE, document text NOT NULL
);
CREATE TABLE IF NOT EXISTS recsys.users(user_id text COLLATE "C" PRIMARY KEY, document text NOT NULL);
{postgres_users.SCHEMA}
UPDATE recsys.version SET version = {SCHEMA_VERSION} WHERE version < {SCHEMA_VERSION};
"""
_FIELDS = "event_id, user_id, item_id, kind, at_ms, quantity, price, order_id, rating, channel, request_id"
_REVISION = "SELECT coalesce(max(revision), 0) FROM recsys.items"
_COLUMN = "json_array_elements_text(%s::json)"
# Each column is one JSON array: arrays of the driver take several times as long to write.
_ADD = f"""
INSERT INTO recsys.events(seq, {_FIELDS})
SELECT ({postgres_users.HEAD}) + nth, event_id, user_id, item_id, kind::smallint, at_ms::bigint,
    quantity::double precision, price::double precision, order_id, rating::double precision, channel, request_id
FROM ROWS FROM ({", ".join([_COLUMN] * 11)}) WITH ORDINALITY AS brought({_FIELDS}, nth) ORDER BY nth
ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""
_PUT_ITEMS = f"""
INSERT INTO recsys.items SELECT ({_REVISION}) + nth, item_id, document
FROM ROWS FROM ({_COLUMN}, {_COLUMN}) WITH ORDINALITY AS brought(item_id, document, nth)
ON CONFLICT (item_id) DO UPDATE SET revision = excluded.revision, document = excluded.document
"""
_OF_USER = f"""
SELECT {_FIELDS} FROM recsys.events WHERE user_id = %s AND seq > %s ORDER BY at_ms DESC, seq DESC LIMIT %s
"""


class PostgresStore(SqlStore):
    """A `Store` in the schema `recsys` of a database, made at its first use.  Any number of threads and machines."""

    is_local = False
    _HEAD = postgres_users.HEAD
    _SCAN = f"SELECT seq, {_FIELDS} FROM recsys.events WHERE seq > %s AND seq <= %s ORDER BY seq LIMIT {PAGE_ROWS}"
    _EVENT_PAGES = f"SELECT seq, {_FIELDS} FROM recsys.events WHERE user_id = %s AND seq > %s ORDER BY seq LIMIT 10000"
    _ITEM = "SELECT document FROM recsys.items WHERE item_id = %s"
    _ITEM_PAGES = "SELECT revision, document FROM recsys.items WHERE revision > %s ORDER BY revision LIMIT 10000"
    _ITEM_REVISION = _REVISION
    _USER = "SELECT document FROM recsys.users WHERE user_id = %s"
    _USER_PAGES = "SELECT user_id, document FROM recsys.users WHERE user_id > %s ORDER BY user_id LIMIT 10000"
    _MERGED_IDS = postgres_users.MERGED_IDS
    _TOMBSTONES = "SELECT seq, digest, at_ms, how FROM recsys.forgotten WHERE seq > %s ORDER BY seq"
    _RECEIPT = "SELECT document FROM recsys.receipts WHERE receipt_id = %s"
    _DIGEST_KEY = "SELECT key FROM recsys.digest_key"

    def __init__(self, url: str) -> None:
        """Does not connect yet: a service may start before its database.  Raises BadSettings for a malformed URL."""
        self._pool = ConnectionPool(url)
        self._is_ready = False
        self._ready_lock = threading.Lock()

    def append(self, events: Sequence[Event]) -> list[AppendResult]:
        columns = checked_columns(events)
        if not events:
            return []
        with self._writing(len(events)) as connection:
            owner_id_by_user = postgres_users.event_owner_ids(connection, set(columns["user_id"]))
            kept = with_owner_ids(events, owner_id_by_user) if owner_id_by_user else events
            written = checked_columns(kept) if owner_id_by_user else columns
            rows = connection.execute(_ADD, [_json(column) for column in written.values()]).fetchall()
        return with_discarded(events, owner_id_by_user, flag_new(kept, {event_id for (event_id,) in rows}))

    def user_events(self, user_id: str, *, after_seq: int = 0, newest: int = 1_000) -> list[Event]:
        return [Event._make(row) for row in reversed(self._read(_OF_USER, user_id, after_seq, newest))]

    def user_head(self, user_id: str) -> int:
        return self._number("SELECT coalesce(max(seq), 0) FROM recsys.events WHERE user_id = %s", user_id)

    def put_items(self, items: Sequence[Item]) -> int:
        documents = {item.item_id: item_document(item).decode() for item in items}
        with self._writing(len(documents)) as connection:
            connection.execute(_PUT_ITEMS, (_json(documents.keys()), _json(documents.values())))
            return _value(connection, _REVISION)

    def identity(self, user_id: str) -> Identity:
        rows = self._read(postgres_users.IDENTITY, user_id, self.digest(user_id), user_id)
        if not rows:
            return Identity(user_id)
        last, forgotten, owner_id = rows[0]
        if owner_id:
            return self.identity(owner_id)
        return Identity(user_id, owner_id is None, max(last, forgotten), forgotten)

    def sweep(self, most_bytes: int | None = None) -> bool:
        """Does nothing: the VACUUM of the server frees deleted rows, see docs/privacy.md."""
        return True

    def swept_until(self) -> int:
        return self.head()

    def changed(self) -> bool:
        """Always True: to ask the server takes as long as to read what may have changed."""
        return True

    def close(self) -> None:
        self._pool.close()

    def _read(self, sql: str, *values: Any, seconds: float = READ_S) -> list[Row]:
        if not all(is_text(value) for value in values if isinstance(value, str)):
            return []  # no such id was ever stored
        self._make_ready()
        with self._pool.transaction(seconds=seconds) as connection:
            return connection.execute(sql, values).fetchall()

    def _read_page(self, sql: str, *values: Any) -> list[Row]:
        return self._read(sql, *values, seconds=PAGE_S)

    @contextmanager
    def _user_tables(self, n_rows: int) -> Iterator[PostgresUserTables]:
        with self._writing(n_rows) as connection:
            yield PostgresUserTables(connection)

    @contextmanager
    def _writing(self, n_rows: int) -> Iterator[PostgresConnection]:
        """One durable transaction, alone: all of it or, whatever goes wrong, nothing."""
        self._make_ready()
        with self._pool.transaction(seconds=WRITE_S + n_rows / ROWS_PER_S) as connection:
            connection.execute(_LOCK)
            yield connection

    def _make_ready(self) -> None:
        if self._is_ready:
            return
        with self._ready_lock, self._pool.transaction(seconds=WRITE_S) as connection:
            connection.execute(_LOCK)
            connection.execute(_SCHEMA)
            connection.execute(postgres_users.PUT_KEY, (secrets.token_bytes(16),))
            version = _value(connection, "SELECT max(version) FROM recsys.version")
            if version > SCHEMA_VERSION:
                what = f"PostgreSQL: schema {version}, this build reads {SCHEMA_VERSION}"
                raise BadFile(f"{what}; use the newer build that wrote it")
            self._is_ready = True


def _json(column: Iterable[Any]) -> str:
    return orjson.dumps(list(column)).decode()


def _value(connection: PostgresConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0

"""Events, items and customers in PostgreSQL: for shops whose workers run on several machines."""

import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson

from recsys.data.entities import Item, User, UserChange
from recsys.data.events import Event
from recsys.data.store import postgres_users
from recsys.data.store.identity import (
    AppendResult,
    Forgotten,
    Identity,
    Receipt,
    all_verdicts,
    digest_of,
    kept_events,
    receipt_from,
)
from recsys.data.store.pagination import PAGE_ROWS, EventRow, event_frame, pages
from recsys.data.store.postgres_connection import ConnectionPool, PostgresConnection
from recsys.data.store.validation import checked_columns, is_text, item_document, item_from, user_from, verdicts
from recsys.errors import BadFile, BadInput

if TYPE_CHECKING:
    import polars as pl

SCHEMA_VERSION = 2
READ_S = 2.0
PAGE_S = 30.0
WRITE_S = 2.5
ROWS_PER_S = 5_000  # a large batch is given more time than WRITE_S, even by a busy server
# One writer at a time, so that events and revisions become visible in their order.  The number is our own.
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
# Every column travels as one JSON array: the driver's own arrays take several times as long to write.
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
_ALL_OF_USER = f"""
SELECT seq, {_FIELDS} FROM recsys.events WHERE user_id = %s AND seq > %s ORDER BY seq LIMIT 10000
"""
_SCAN = f"SELECT seq, {_FIELDS} FROM recsys.events WHERE seq > %s AND seq <= %s ORDER BY seq LIMIT {PAGE_ROWS}"
_ITEMS = "SELECT revision, document FROM recsys.items WHERE revision > %s ORDER BY revision LIMIT 10000"
_USERS = "SELECT user_id, document FROM recsys.users WHERE user_id > %s ORDER BY user_id LIMIT 10000"


class PostgresStore:
    """A `Store` in the schema `recsys` of one database, made when first used.  Any number of threads and machines."""

    is_local = False

    def __init__(self, url: str) -> None:
        """Does not connect yet: a service may start before its database.  Raises BadSettings for a URL that is none."""
        self._link = ConnectionPool(url)
        self._is_ready = False
        self._ready_lock = threading.Lock()
        self._digest_key: bytes | None = None

    def append(self, events: Sequence[Event]) -> list[AppendResult]:
        columns = checked_columns(events)
        if not events:
            return []
        with self._writing(len(events)) as connection:
            into_by_user = postgres_users.detours(connection, set(columns["user_id"]))
            kept = kept_events(events, into_by_user) if into_by_user else events
            written = checked_columns(kept) if into_by_user else columns
            rows = connection.execute(_ADD, [_json(column) for column in written.values()]).fetchall()
        return all_verdicts(events, into_by_user, verdicts(kept, {event_id for (event_id,) in rows}))

    def scan(self, *, after_seq: int = 0, until_seq: int | None = None) -> "Iterator[pl.DataFrame]":
        until = self.head() if until_seq is None else until_seq
        return map(event_frame, pages(lambda after: self._read(_SCAN, after, until, seconds=PAGE_S), after_seq))

    def of_user(self, user_id: str, *, after_seq: int = 0, newest: int = 1_000) -> list[Event]:
        return [Event._make(row) for row in reversed(self._read(_OF_USER, user_id, after_seq, newest))]

    def head(self) -> int:
        return self._number(postgres_users.HEAD)

    def user_head(self, user_id: str) -> int:
        return self._number("SELECT coalesce(max(seq), 0) FROM recsys.events WHERE user_id = %s", user_id)

    def put_items(self, items: Sequence[Item]) -> int:
        documents = {item.item_id: item_document(item).decode() for item in items}
        with self._writing(len(documents)) as connection:
            connection.execute(_PUT_ITEMS, (_json(documents.keys()), _json(documents.values())))
            return _value(connection, _REVISION)

    def item(self, item_id: str) -> Item | None:
        rows = self._read("SELECT document FROM recsys.items WHERE item_id = %s", item_id)
        return item_from(rows[0][0]) if rows else None

    def items_since(self, revision: int) -> Iterator[Item]:
        found = pages(lambda after: self._read(_ITEMS, after, seconds=PAGE_S), revision)
        return (item_from(document) for page in found for _, document in page)

    def item_revision(self) -> int:
        return self._number(_REVISION)

    def put_users(self, users: Sequence[User]) -> None:
        with self._writing(len(users)) as connection:
            postgres_users.put_users(connection, users, self.digest)

    def change_users(self, changes: Sequence[UserChange]) -> list[User]:
        with self._writing(len(changes)) as connection:
            return postgres_users.change_users(connection, changes, self.digest)

    def user(self, user_id: str) -> User | None:
        rows = self._read("SELECT document FROM recsys.users WHERE user_id = %s", user_id)
        return user_from(rows[0][0]) if rows else None

    def users(self) -> Iterator[User]:
        found = pages(lambda after: self._read(_USERS, after, seconds=PAGE_S), "")
        return (user_from(document) for page in found for _, document in page)

    def standing(self, user_id: str) -> Identity:
        rows = self._read(postgres_users.STANDING, user_id, self.digest(user_id), user_id)
        if not rows:
            return Identity(user_id)
        last, forgotten, into = rows[0]
        return self.standing(into) if into else Identity(user_id, into is None, max(last, forgotten), forgotten)

    def merged_into(self, user_id: str) -> list[str]:
        return [found for (found,) in self._read(postgres_users.MERGED, user_id)]

    def merge_users(self, from_id: str, into_id: str) -> Receipt | None:
        if from_id == into_id:
            raise BadInput(f"from and into are both {into_id!r:.80}; name two ids of one customer")
        with self._writing(ROWS_PER_S) as connection:
            return postgres_users.merge(connection, from_id, into_id, self.digest)

    def erase_user(self, user_id: str) -> Receipt:
        with self._writing(ROWS_PER_S) as connection:
            return postgres_users.erase(connection, user_id, self.digest)

    def pages_of_user(self, user_id: str) -> Iterator[list[Event]]:
        found = pages(lambda after: self._read(_ALL_OF_USER, user_id, after, seconds=PAGE_S), 0)
        return ([Event._make(row[1:]) for row in page] for page in found)

    def forgotten_since(self, seq: int) -> list[Forgotten]:
        return list(map(Forgotten._make, self._read(postgres_users.FORGOTTEN, seq)))

    def forget_marks(self, until_seq: int) -> None:
        with self._writing(0) as connection:
            connection.execute(postgres_users.DROP_MARKS, (until_seq,))

    def digest(self, user_id: str) -> bytes:
        if self._digest_key is None:
            self._digest_key = bytes(self._read("SELECT key FROM recsys.digest_key")[0][0])
        return digest_of(user_id, self._digest_key)

    def put_receipt(self, receipt: Receipt) -> None:
        with self._writing(1) as connection:
            connection.execute(postgres_users.PUT_RECEIPT, (receipt.receipt_id, receipt.document().decode()))

    def receipt(self, receipt_id: str) -> Receipt | None:
        rows = self._read("SELECT document FROM recsys.receipts WHERE receipt_id = %s", receipt_id)
        return receipt_from(rows[0][0]) if rows else None

    def sweep(self, most_bytes: int | None = None) -> bool:
        """Nothing is done: the server's own VACUUM frees deleted rows, see docs/privacy.md."""
        return True

    def swept_until(self) -> int:
        return self.head()

    def changed(self) -> bool:
        """True: asking would be a journey over the network, as long as reading what may have changed."""
        return True

    def close(self) -> None:
        self._link.close()

    def _read(self, sql: str, *values: object, seconds: float = READ_S) -> list[EventRow]:
        if not all(is_text(value) for value in values if isinstance(value, str)):
            return []  # no such id was ever stored
        self._make_ready()
        with self._link.transaction(seconds=seconds) as connection:
            return connection.execute(sql, values).fetchall()

    def _number(self, sql: str, *values: object) -> int:
        rows = self._read(sql, *values)
        return int(rows[0][0]) if rows else 0

    @contextmanager
    def _writing(self, n_rows: int) -> Iterator[PostgresConnection]:
        """One durable transaction, alone: all of it or, whatever goes wrong, nothing."""
        self._make_ready()
        with self._link.transaction(seconds=WRITE_S + n_rows / ROWS_PER_S) as connection:
            connection.execute(_LOCK)
            yield connection

    def _make_ready(self) -> None:
        if self._is_ready:
            return
        with self._ready_lock, self._link.transaction(seconds=WRITE_S) as connection:
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

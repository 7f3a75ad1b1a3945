"""PostgreSQL store: for shops with workers on several machines."""

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from recsys.data import audit
from recsys.data.entities import Item
from recsys.data.events import ACTIVITY_FIELDS, Event
from recsys.data.lineage import HEAD, REVISION, IdentityCause, bind_identity, replace_identity
from recsys.data.store.base import EVENT_PAGE_ROWS, Store
from recsys.data.store.campaigns import campaign_table
from recsys.data.store.campaigns.campaign_table import MemberRow
from recsys.data.store.identity import AppendResult, Receipt, with_discarded, with_owner_ids
from recsys.data.store.people.fact_table import COLUMNS, POSTGRES_COUPONS, POSTGRES_SCHEMA
from recsys.data.store.people.user_tables import ANY_SEQ, FIELDS, Row, UserTables, json_array
from recsys.data.store.postgres_pool import ConnectionPool, PostgresConnection
from recsys.data.store.serialization import item_document
from recsys.data.store.validation import checked_columns, flag_new, is_text
from recsys.errors import BadFile

SCHEMA_VERSION = 13
READ_S = 2.0
PAGE_S = 30.0
WRITE_S = 2.5
ROWS_PER_S = 5_000  # a large batch gets more time than WRITE_S
# Advisory lock: one writer at a time, so that events and revisions become visible in order.  The number is arbitrary.
_LOCK = f"SELECT pg_advisory_xact_lock({0x7265_6373})"

# Of customers the same tables as in sqlite_users.py, see there.
SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS recsys;
CREATE TABLE IF NOT EXISTS recsys.version(version integer NOT NULL);
INSERT INTO recsys.version SELECT {SCHEMA_VERSION} WHERE NOT EXISTS (SELECT FROM recsys.version);
CREATE TABLE IF NOT EXISTS recsys.events(
    seq bigint PRIMARY KEY, event_id text COLLATE "C" NOT NULL UNIQUE, user_id text COLLATE "C" NOT NULL,
    item_id text NOT NULL, kind smallint NOT NULL, at_ms bigint NOT NULL, quantity double precision NOT NULL,
    price double precision, order_id text, rating double precision, channel text, request_id text
);
ALTER TABLE recsys.events ADD COLUMN IF NOT EXISTS discount double precision;
ALTER TABLE recsys.events ADD COLUMN IF NOT EXISTS coupon text;
ALTER TABLE recsys.events ADD COLUMN IF NOT EXISTS campaign text;
CREATE INDEX IF NOT EXISTS events_by_user ON recsys.events(user_id, seq);
CREATE TABLE IF NOT EXISTS recsys.items(
    revision bigint PRIMARY KEY, item_id text COLLATE "C" NOT NULL UNIQUE, document text NOT NULL
);
CREATE TABLE IF NOT EXISTS recsys.users(user_id text COLLATE "C" PRIMARY KEY, document text NOT NULL);
CREATE TABLE IF NOT EXISTS recsys.detours(user_id text COLLATE "C" PRIMARY KEY, into_id text COLLATE "C" NOT NULL);
CREATE INDEX IF NOT EXISTS detours_by_into ON recsys.detours(into_id);
CREATE TABLE IF NOT EXISTS recsys.forgotten(
    seq bigint PRIMARY KEY, digest bytea NOT NULL, how text NOT NULL,
    at_ms bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
);
CREATE INDEX IF NOT EXISTS forgotten_by_digest ON recsys.forgotten(digest, seq);
CREATE TABLE IF NOT EXISTS recsys.receipts(receipt_id text COLLATE "C" PRIMARY KEY, document text NOT NULL);
CREATE TABLE IF NOT EXISTS recsys.digest_key(key bytea NOT NULL);
CREATE TABLE IF NOT EXISTS recsys.log_identities(
    nth bigint PRIMARY KEY, log_id text NOT NULL UNIQUE, seq bigint NOT NULL, revision bigint NOT NULL,
    at_ms bigint NOT NULL, cause text NOT NULL, place text NOT NULL
);
INSERT INTO recsys.log_identities SELECT 1, '', 0, 0, 0, 'made', ''
WHERE (SELECT max(version) FROM recsys.version) < 3 AND NOT EXISTS (SELECT FROM recsys.log_identities);
CREATE TABLE IF NOT EXISTS recsys.erased(digest text COLLATE "C" PRIMARY KEY, at_ms bigint NOT NULL);
CREATE INDEX IF NOT EXISTS erased_by_time ON recsys.erased(at_ms);
INSERT INTO recsys.erased
SELECT encode(digest, 'hex'), max(at_ms) FROM recsys.forgotten WHERE how = 'erased' GROUP BY digest
ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS recsys.unfinished(receipt_id text COLLATE "C" PRIMARY KEY, document text NOT NULL);
CREATE TABLE IF NOT EXISTS recsys.runs(
    run_id text COLLATE "C" PRIMARY KEY, job text COLLATE "C" NOT NULL, verdict text NOT NULL,
    started_ms bigint NOT NULL, alive_ms bigint NOT NULL, document text NOT NULL
);
ALTER TABLE recsys.runs ADD COLUMN IF NOT EXISTS due text NOT NULL DEFAULT '';
ALTER TABLE recsys.runs ADD COLUMN IF NOT EXISTS due_ms bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS runs_by_due ON recsys.runs(due_ms) WHERE due <> '';
CREATE INDEX IF NOT EXISTS runs_by_job ON recsys.runs(job, verdict, started_ms);
CREATE INDEX IF NOT EXISTS runs_by_time ON recsys.runs(started_ms);
{POSTGRES_SCHEMA}
CREATE TABLE IF NOT EXISTS recsys.sent_as(event_id text COLLATE "C" PRIMARY KEY, user_id text COLLATE "C" NOT NULL);
CREATE INDEX IF NOT EXISTS sent_as_by_user ON recsys.sent_as(user_id);
CREATE TABLE IF NOT EXISTS recsys.merges(
    from_id text COLLATE "C" PRIMARY KEY, into_id text COLLATE "C" NOT NULL, document text NOT NULL
);
CREATE INDEX IF NOT EXISTS merges_by_into ON recsys.merges(into_id);
{campaign_table.POSTGRES_SCHEMA}
{audit.POSTGRES_SCHEMA}{audit.POSTGRES_PEOPLE}
{POSTGRES_COUPONS}
UPDATE recsys.version SET version = {SCHEMA_VERSION} WHERE version < {SCHEMA_VERSION};
"""
# Where the log lies: a copy, a dump that was loaded, a clone of the server and a standby that took over lie elsewhere.
_PLACE = """
SELECT concat_ws(' ', (SELECT system_identifier FROM pg_control_system()),
    (SELECT timeline_id FROM pg_control_checkpoint()), (SELECT oid FROM pg_database WHERE datname = current_database()),
    'log_identities'::regclass::oid)
"""
_PUT_KEY = "INSERT INTO digest_key SELECT $1 WHERE NOT EXISTS (SELECT FROM digest_key)"
# Each column is one JSON array: arrays of the driver take several times as long to write.
_COLUMNS = ", ".join(f"json_array_elements_text(${n}::json)" for n in range(1, 1 + len(Event._fields)))
_ADD = f"""
INSERT INTO events(seq, {FIELDS})
SELECT ({HEAD}) + nth, event_id, user_id, item_id, kind::smallint, at_ms::bigint,
    quantity::double precision, price::double precision, order_id, rating::double precision, channel, request_id,
    discount::double precision, coupon, campaign
FROM ROWS FROM ({_COLUMNS})
WITH ORDINALITY AS brought({FIELDS}, nth) ORDER BY nth
ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""
_FACT_COLUMNS = ", ".join(f"json_array_elements_text(${n}::json)" for n in range(1, 1 + len(COLUMNS)))
_ADD_FACTS = f"""
INSERT INTO facts({", ".join(COLUMNS)})
SELECT nth::bigint, fact_id, user_id, kind::smallint, at_ms::bigint, value::double precision,
    text, ref, channel, sent_for
FROM ROWS FROM ({_FACT_COLUMNS}) AS brought({", ".join(COLUMNS)})
"""
_ADD_MEMBERS = """
INSERT INTO campaign_members SELECT campaign_id, user_id, arm::smallint, bucket::integer, stratum
FROM ROWS FROM (json_array_elements_text($1::json), json_array_elements_text($2::json),
    json_array_elements_text($3::json), json_array_elements_text($4::json), json_array_elements_text($5::json))
    AS brought(campaign_id, user_id, arm, bucket, stratum)
"""
_DOCUMENTS = "ROWS FROM (json_array_elements_text($1::json), json_array_elements_text($2::json))"
_PUT_ITEMS = f"""
INSERT INTO items SELECT ({REVISION}) + nth, item_id, document
FROM {_DOCUMENTS} WITH ORDINALITY AS brought(item_id, document, nth)
ON CONFLICT (item_id) DO UPDATE SET revision = excluded.revision, document = excluded.document
"""
_PUT_USERS = f"""
INSERT INTO users SELECT * FROM {_DOCUMENTS} AS brought(user_id, document)
ON CONFLICT (user_id) DO UPDATE SET document = excluded.document
"""
_PUT_RECEIPT = """
INSERT INTO receipts VALUES($1, $2) ON CONFLICT (receipt_id) DO UPDATE SET document = excluded.document
"""
_OF_USER = f"SELECT {FIELDS} FROM events WHERE user_id = $1 AND seq > $2 ORDER BY at_ms DESC, seq DESC LIMIT $3"
_SEQS = "SELECT json_array_elements_text($1::json)::bigint"
_OLDEST = "SELECT seq FROM events WHERE user_id = $1 AND seq <= $2 ORDER BY seq LIMIT $3::bigint"
_DELETE_SEQS = f"""
WITH gone AS (DELETE FROM events WHERE seq IN ({_SEQS}) RETURNING event_id)
DELETE FROM sent_as WHERE event_id IN (SELECT event_id FROM gone)
"""
_MOVE = f"""
WITH moved AS (
    UPDATE events SET user_id = $2, seq = renumbered.seq_after
    FROM (SELECT seq AS seq_before, ({HEAD}) + row_number() OVER (ORDER BY seq) AS seq_after
          FROM events WHERE seq IN ({_SEQS})) AS renumbered
    WHERE seq = renumbered.seq_before RETURNING event_id
)
DELETE FROM sent_as WHERE user_id = $2 AND event_id IN (SELECT event_id FROM moved)
"""
_SENT_AS_SEQS = """
SELECT seq FROM sent_as JOIN events USING(event_id)
WHERE sent_as.user_id IN (SELECT json_array_elements_text($1::json)) AND events.user_id = $2 ORDER BY seq LIMIT $3
"""
_REPLACE = f"""
UPDATE events SET ({FIELDS}) = (
    SELECT {FIELDS} FROM (SELECT brought.*) AS content
)
FROM json_populate_recordset(NULL::events, $1::json) AS brought WHERE events.seq = brought.seq
"""


class PostgresUserTables(UserTables):
    """The `UserTables` of one connection."""

    TEXTS = "SELECT json_array_elements_text($1::json)"
    _NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    _SEQS = _SEQS
    _STORED = f"SELECT seq, {FIELDS} FROM events WHERE event_id IN ({TEXTS})"

    def put_documents(self, documents: Mapping[str, bytes]) -> None:
        texts = json_array(text.decode() for text in documents.values())
        self.execute(_PUT_USERS, (json_array(documents), texts))

    def put_item_documents(self, documents: Mapping[str, bytes]) -> None:
        texts = json_array(text.decode() for text in documents.values())
        self.execute(_PUT_ITEMS, (json_array(documents), texts))

    def put_receipt(self, receipt: Receipt) -> None:
        self.execute(_PUT_RECEIPT, (receipt.receipt_id, receipt.to_json().decode()))

    def insert_facts(self, rows: Sequence[Row]) -> None:
        self.execute(_ADD_FACTS, [json_array(column) for column in zip(*rows, strict=True)])

    def insert_members(self, rows: Sequence[MemberRow]) -> None:
        if rows:
            self.execute(_ADD_MEMBERS, [json_array(column) for column in zip(*rows, strict=True)])

    def replace_events(self, changes: Sequence[tuple[int, Event, Event]]) -> None:
        rows = json_array({"seq": seq, **after._asdict()} for seq, _, after in changes)
        self.execute(_REPLACE, (rows,))

    def delete_events(self, user_id: str, limit: int | None = None) -> int:
        seqs = self.oldest_seqs(user_id, limit)
        self.delete_seqs(seqs)
        return len(seqs)

    def delete_seqs(self, seqs: Sequence[int]) -> None:
        self.execute(_DELETE_SEQS, (json_array(seqs),))

    def move_seqs(self, from_id: str, owner_id: str, seqs: Sequence[int]) -> None:
        self.execute(_MOVE, (json_array(seqs), owner_id))

    def oldest_seqs(self, user_id: str, limit: int | None, until_seq: int = ANY_SEQ) -> list[int]:
        return [seq for (seq,) in self.rows(_OLDEST, user_id, until_seq, limit)]

    def sent_as_seqs(self, owner_id: str, user_ids: Sequence[str], limit: int) -> list[int]:
        return [seq for (seq,) in self.rows(_SENT_AS_SEQS, json_array(user_ids), owner_id, limit)]


class PostgresStore(Store):
    """A `Store` in the schema `recsys` of a database, made at its first use.  Any number of threads and machines."""

    is_local = False
    _ITEMS = "SELECT document FROM items WHERE item_id IN (SELECT json_array_elements_text($1::json))"
    _ACTIVITY = f"SELECT {ACTIVITY_FIELDS} FROM events WHERE user_id = $1 AND seq > $2 ORDER BY seq"
    _EVENT_PAGES = (
        f"SELECT seq, {FIELDS} FROM events WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT {EVENT_PAGE_ROWS}"
    )
    _HOLDING = "WHERE strpos(document, $1) > 0"
    _LIKE = r"WHERE document ILIKE $1 ESCAPE '\'"
    _IN_COLUMN = "strpos({column}, $1) > 0"
    _EVENT_OWNERS = "SELECT DISTINCT user_id FROM events WHERE user_id > $1 ORDER BY user_id LIMIT 10000"
    _USER_HEAD = "SELECT coalesce(max(seq), 0) FROM events WHERE user_id = $1"
    _IDENTITY = """
SELECT (SELECT coalesce(max(seq), 0) FROM events WHERE user_id = $1),
    (SELECT coalesce(max(seq), 0) FROM forgotten WHERE digest = $2),
    (SELECT into_id FROM detours WHERE user_id = $1)
"""

    def __init__(self, url: str, *, on_connected: Callable[[Store], object] = lambda store: None) -> None:
        """Does not connect yet: a service may start before its database.  Raises BadSettings for a malformed URL."""
        self._on_connected = on_connected
        self._pool = ConnectionPool(url)
        self._is_ready = False
        self._ready_lock = threading.Lock()

    def append(self, events: Sequence[Event]) -> list[AppendResult]:
        columns = checked_columns(events)
        if not events:
            return []
        with self._writing(len(events)) as connection:
            tables = PostgresUserTables(connection.execute, self.digest)
            owner_ids = tables.event_owners(events)
            kept = events if owner_ids is None else with_owner_ids(events, owner_ids)
            written = columns if owner_ids is None else checked_columns(kept)
            rows = connection.execute(_ADD, [json_array(column) for column in written.values()]).fetchall()
            results = tables.append_results(kept, flag_new(kept, {event_id for (event_id,) in rows}))
            if owner_ids is not None:
                tables.note_sent_as(events, owner_ids, results)
        return results if owner_ids is None else with_discarded(owner_ids, results)

    def user_events(self, user_id: str, *, after_seq: int = 0, newest: int = 1_000) -> list[Event]:
        return [Event._make(row) for row in reversed(self._read(_OF_USER, user_id, after_seq, newest))]

    def put_items(self, items: Sequence[Item]) -> int:
        documents = {item.item_id: item_document(item).decode() for item in items}
        with self._writing(len(documents)) as connection:
            connection.execute(_PUT_ITEMS, (json_array(documents), json_array(documents.values())))
            return _value(connection, REVISION)

    def sweep(self, most_bytes: int | None = None) -> bool:
        """Does nothing: the VACUUM of the server frees deleted rows, see docs/privacy.md."""
        return True

    def may_sweep(self, most_bytes: int) -> bool:
        return True

    def swept_until(self) -> int:
        return self.head()

    def changed(self) -> bool:
        """Always True: a check on the server takes as long as reading the changes."""
        return True

    def draw_identity(self, cause: IdentityCause, *, before: str) -> None:
        with self._writing(1) as connection:
            replace_identity(connection.execute, _place(connection), cause, before=before)

    def refresh(self) -> None:
        """Does nothing: after a restore the server has ended all connections."""

    def close(self) -> None:
        self._pool.close()

    def _read(self, sql: str, *values: Any, seconds: float = READ_S) -> list[Row]:
        if not all(is_text(value) for value in values if isinstance(value, str)):
            return []  # no such id was ever stored
        self._make_ready()
        with self._pool.transaction(seconds=seconds) as connection:
            return connection.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: Any) -> list[Row]:
        with self._writing(1) as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def _read_page(self, sql: str, *values: Any) -> list[Row]:
        return self._read(sql, *values, seconds=PAGE_S)

    @contextmanager
    def _user_tables(self, n_rows: int) -> Iterator[PostgresUserTables]:
        with self._writing(n_rows) as connection:
            yield PostgresUserTables(connection.execute, self.digest)

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
            connection.execute(SCHEMA)
            connection.execute(_PUT_KEY, (secrets.token_bytes(16),))
            version = _value(connection, "SELECT max(version) FROM version")
            if version > SCHEMA_VERSION:
                what = f"PostgreSQL: schema {version}, this build reads {SCHEMA_VERSION}"
                raise BadFile(f"{what}; use the newer build that wrote it")
            bind_identity(connection.execute, _place(connection))
            self._is_ready = True
        self._on_connected(self)


def _place(connection: PostgresConnection) -> str:
    ((place,),) = connection.execute(_PLACE).fetchall()
    return str(place)


def _value(connection: PostgresConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0

"""Customers in PostgreSQL: tables of consent, merges, tombstones and receipts beside the events."""

from collections.abc import Collection, Iterable, Mapping

import orjson

from recsys.data.entities import User
from recsys.data.store.identity import IdentityState, Receipt
from recsys.data.store.postgres_pool import PostgresConnection
from recsys.data.store.validation import parse_user

# The same tables as in sqlite_users.py, see there.
SCHEMA = """
CREATE TABLE IF NOT EXISTS recsys.detours(user_id text COLLATE "C" PRIMARY KEY, into_id text COLLATE "C" NOT NULL);
CREATE INDEX IF NOT EXISTS detours_by_into ON recsys.detours(into_id);
CREATE TABLE IF NOT EXISTS recsys.forgotten(
    seq bigint PRIMARY KEY, digest bytea NOT NULL, how text NOT NULL,
    at_ms bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
);
CREATE INDEX IF NOT EXISTS forgotten_by_digest ON recsys.forgotten(digest, seq);
CREATE TABLE IF NOT EXISTS recsys.receipts(receipt_id text COLLATE "C" PRIMARY KEY, document text NOT NULL);
CREATE TABLE IF NOT EXISTS recsys.digest_key(key bytea NOT NULL);
"""
PUT_KEY = "INSERT INTO recsys.digest_key SELECT %s WHERE NOT EXISTS (SELECT FROM recsys.digest_key)"
HEAD = """SELECT greatest((SELECT coalesce(max(seq), 0) FROM recsys.events),
    (SELECT coalesce(max(seq), 0) FROM recsys.forgotten))"""
IDENTITY = """
SELECT (SELECT coalesce(max(seq), 0) FROM recsys.events WHERE user_id = %s),
    (SELECT coalesce(max(seq), 0) FROM recsys.forgotten WHERE digest = %s),
    (SELECT into_id FROM recsys.detours WHERE user_id = %s)
"""
MERGED_IDS = "SELECT user_id FROM recsys.detours WHERE into_id = %s ORDER BY user_id"
_PUT_RECEIPT = """
INSERT INTO recsys.receipts VALUES(%s, %s) ON CONFLICT (receipt_id) DO UPDATE SET document = excluded.document
"""
_DROP_TOMBSTONES = "DELETE FROM recsys.forgotten WHERE seq <= %s AND seq < (SELECT max(seq) FROM recsys.forgotten)"
_OWNER = "SELECT into_id FROM recsys.detours WHERE user_id = %s"
_OWNERS = """
SELECT user_id, into_id FROM recsys.detours WHERE user_id IN (SELECT json_array_elements_text(%s::json))
"""
_EVENT_OWNERS = """
SELECT mine.user_id, coalesce(theirs.into_id, mine.into_id)
FROM recsys.detours AS mine LEFT JOIN recsys.detours AS theirs ON theirs.user_id = mine.into_id
WHERE mine.user_id IN (SELECT json_array_elements_text(%s::json))
"""
_SET_OWNER = """
INSERT INTO recsys.detours VALUES(%s, %s) ON CONFLICT (user_id) DO UPDATE SET into_id = excluded.into_id
"""
_ADD_TOMBSTONE = f"""
INSERT INTO recsys.forgotten(seq, digest, how) SELECT ({HEAD}) + 1, %s, %s RETURNING seq, at_ms
"""
_PUT_DOCUMENTS = """
INSERT INTO recsys.users
SELECT * FROM ROWS FROM (json_array_elements_text(%s::json), json_array_elements_text(%s::json))
AS brought(user_id, document) ON CONFLICT (user_id) DO UPDATE SET document = excluded.document
"""
_MOVE = f"""
UPDATE recsys.events SET user_id = %s, seq = moved.seq_after
FROM (SELECT seq AS seq_before, ({HEAD}) + row_number() OVER (ORDER BY seq) AS seq_after
      FROM recsys.events WHERE user_id = %s) AS moved
WHERE seq = moved.seq_before
"""


def event_owner_ids(connection: PostgresConnection, user_ids: Collection[str]) -> dict[str, str]:
    """The owner of new events, an id or DISCARDED, of each of those ids that does not own its events."""
    return dict(connection.execute(_EVENT_OWNERS, (_json(user_ids),)).fetchall())


class PostgresUserTables:
    """The `UserTables` of one connection."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._execute = connection.execute

    def owner_id(self, user_id: str) -> str | None:
        row = self._execute(_OWNER, (user_id,)).fetchone()
        return None if row is None else str(row[0])

    def owner_ids(self, user_ids: Collection[str]) -> dict[str, str]:
        return dict(self._execute(_OWNERS, (_json(user_ids),)).fetchall())

    def set_owner(self, user_id: str, owner_id: str) -> None:
        self._execute(_SET_OWNER, (user_id, owner_id))

    def delete_owner(self, user_id: str) -> None:
        self._execute("DELETE FROM recsys.detours WHERE user_id = %s", (user_id,))

    def replace_owner(self, owner_id: str, new_owner_id: str) -> None:
        self._execute("UPDATE recsys.detours SET into_id = %s WHERE into_id = %s", (new_owner_id, owner_id))

    def merged_ids(self, owner_id: str) -> list[str]:
        return [user_id for (user_id,) in self._execute(MERGED_IDS, (owner_id,)).fetchall()]

    def user(self, user_id: str) -> User | None:
        row = self._execute("SELECT document FROM recsys.users WHERE user_id = %s", (user_id,)).fetchone()
        return None if row is None else parse_user(row[0])

    def put_documents(self, documents: Mapping[str, bytes]) -> None:
        self._execute(_PUT_DOCUMENTS, (_json(documents), _json(text.decode() for text in documents.values())))

    def delete_user(self, user_id: str) -> int:
        return self._execute("DELETE FROM recsys.users WHERE user_id = %s", (user_id,)).rowcount

    def delete_events(self, user_id: str) -> int:
        return self._execute("DELETE FROM recsys.events WHERE user_id = %s", (user_id,)).rowcount

    def move_events(self, from_id: str, owner_id: str) -> int:
        return self._execute(_MOVE, (owner_id, from_id)).rowcount

    def add_tombstone(self, digest: bytes, state: IdentityState) -> tuple[int, int]:
        row = self._execute(_ADD_TOMBSTONE, (digest, state)).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def drop_tombstones(self, until_seq: int) -> None:
        self._execute(_DROP_TOMBSTONES, (until_seq,))

    def put_receipt(self, receipt: Receipt) -> None:
        self._execute(_PUT_RECEIPT, (receipt.receipt_id, receipt.to_json().decode()))


def _json(texts: Iterable[str]) -> str:
    return orjson.dumps(list(texts)).decode()

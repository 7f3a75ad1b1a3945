"""Customers in PostgreSQL beside their events: consent, merges, erasure.  All within the caller's transaction."""

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import orjson

from recsys.data.entities import User, UserChange
from recsys.data.store.identity import DISCARDED, IdentityState, Receipt, changed_users
from recsys.data.store.postgres_connection import PostgresConnection
from recsys.data.store.sqlite_users import already_merged, merged_ids
from recsys.data.store.validation import user_document, user_from

# The same tables as in SQLite, see there.
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
STANDING = """
SELECT (SELECT coalesce(max(seq), 0) FROM recsys.events WHERE user_id = %s),
    (SELECT coalesce(max(seq), 0) FROM recsys.forgotten WHERE digest = %s),
    (SELECT into_id FROM recsys.detours WHERE user_id = %s)
"""
FORGOTTEN = "SELECT seq, digest, at_ms, how FROM recsys.forgotten WHERE seq > %s ORDER BY seq"
MERGED = "SELECT user_id FROM recsys.detours WHERE into_id = %s ORDER BY user_id"
PUT_RECEIPT = """
INSERT INTO recsys.receipts VALUES(%s, %s) ON CONFLICT (receipt_id) DO UPDATE SET document = excluded.document
"""
DROP_MARKS = "DELETE FROM recsys.forgotten WHERE seq <= %s AND seq < (SELECT max(seq) FROM recsys.forgotten)"
_INTO = "SELECT into_id FROM recsys.detours WHERE user_id = %s"
_DETOURS = """
SELECT mine.user_id, coalesce(theirs.into_id, mine.into_id)
FROM recsys.detours AS mine LEFT JOIN recsys.detours AS theirs ON theirs.user_id = mine.into_id
WHERE mine.user_id IN (SELECT json_array_elements_text(%s::json))
"""
_MARKED = """
SELECT user_id, into_id FROM recsys.detours WHERE user_id IN (SELECT json_array_elements_text(%s::json))
"""
_PUT = """
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

Digest = Callable[[str], bytes]


def detours(connection: PostgresConnection, user_ids: Collection[str]) -> dict[str, str]:
    """Where the events of those of the customers go who do not keep them under their own id."""
    return dict(connection.execute(_DETOURS, (_json(user_ids),)).fetchall())


def put_users(connection: PostgresConnection, users: Iterable[User], digest: Digest) -> None:
    """Stores or replaces them; who takes consent back is forgotten.  A merged id has no record of its own."""
    documents = {user.user_id: (user, user_document(user).decode()) for user in users}
    known: dict[str, str] = dict(connection.execute(_MARKED, (_json(documents),)).fetchall())
    own = {user_id: told for user_id, told in documents.items() if known.get(user_id, DISCARDED) == DISCARDED}
    _put(connection, {user_id: document for user_id, (_, document) in own.items()})
    for user_id, (user, _) in own.items():
        if user.is_personal and user_id in known:
            connection.execute("DELETE FROM recsys.detours WHERE user_id = %s", (user_id,))
        elif not user.is_personal and user_id not in known:
            _mark(connection, digest(user_id), "withdrawn")
            _forget_events(connection, user_id)
            connection.execute("INSERT INTO recsys.detours VALUES(%s, %s)", (user_id, DISCARDED))


def change_users(connection: PostgresConnection, changes: Sequence[UserChange], digest: Digest) -> list[User]:
    """See `UserStore.change_users`."""

    def stored(user_id: str) -> User | None:
        row = connection.execute("SELECT document FROM recsys.users WHERE user_id = %s", (user_id,)).fetchone()
        return None if row is None else _user(row)

    after = changed_users(changes, lambda one: _into(connection, one) or one, stored)
    put_users(connection, after, digest)
    return after


def erase(connection: PostgresConnection, user_id: str, digest: Digest) -> Receipt:
    """Deletes the customer and the ids merged into them, from every table."""
    owner = _into(connection, user_id) or user_id
    merged = [found for (found,) in connection.execute(MERGED, (owner,)).fetchall()]
    n_events = n_users = seq = at_ms = 0
    for one in (*merged, owner):
        seq, at_ms = _mark(connection, digest(one), "erased")
        n_events += _forget_events(connection, one)
        n_users += connection.execute("DELETE FROM recsys.users WHERE user_id = %s", (one,)).rowcount
        connection.execute("DELETE FROM recsys.detours WHERE user_id = %s", (one,))
    counts = {"events": n_events, "records": n_users, "ids": len(merged) + 1}
    return _receipt(connection, Receipt(_new_id(), "erasure", digest(owner).hex(), at_ms, seq, counts))


def merge(connection: PostgresConnection, from_id: str, into_id: str, digest: Digest) -> Receipt | None:
    """See `StandingStore.merge_users`."""
    owner = _into(connection, into_id) or into_id
    before = _into(connection, from_id) or from_id
    if before == owner:
        return None
    if before != from_id:
        raise already_merged(from_id)
    seq, at_ms = _mark(connection, digest(from_id), "merged")
    if _into(connection, owner) == DISCARDED:
        n_moved, n_dropped = 0, _forget_events(connection, from_id)
    else:
        n_moved, n_dropped = connection.execute(_MOVE, (owner, from_id)).rowcount, 0
    connection.execute("UPDATE recsys.detours SET into_id = %s WHERE into_id = %s", (owner, from_id))
    connection.execute("DELETE FROM recsys.detours WHERE user_id = %s", (from_id,))
    connection.execute("INSERT INTO recsys.detours VALUES(%s, %s)", (from_id, owner))
    _join_records(connection, from_id, owner)
    counts = {"events": n_moved, "not_kept": n_dropped}
    told = Receipt(_new_id(), "merge", digest(from_id).hex(), at_ms, seq, counts, digest(owner).hex())
    return _receipt(connection, told)


def _into(connection: PostgresConnection, user_id: str) -> str | None:
    row = connection.execute(_INTO, (user_id,)).fetchone()
    return None if row is None else str(row[0])


def _put(connection: PostgresConnection, documents: dict[str, str]) -> None:
    connection.execute(_PUT, (_json(documents), _json(documents.values())))


def _forget_events(connection: PostgresConnection, user_id: str) -> int:
    return connection.execute("DELETE FROM recsys.events WHERE user_id = %s", (user_id,)).rowcount


def _mark(connection: PostgresConnection, digest: bytes, how: IdentityState) -> tuple[int, int]:
    """Releases made before do not speak of them.  Its number in the log, and when; take it before deleting anything."""
    row = connection.execute(
        f"INSERT INTO recsys.forgotten(seq, digest, how) SELECT ({HEAD}) + 1, %s, %s RETURNING seq, at_ms",
        (digest, how),
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _join_records(connection: PostgresConnection, from_id: str, owner: str) -> None:
    sql = "SELECT document FROM recsys.users WHERE user_id IN (%s, %s)"
    by_id = {user.user_id: user for user in map(_user, connection.execute(sql, (from_id, owner)).fetchall())}
    both = merged_ids(by_id.get(owner), by_id.get(from_id))
    connection.execute("DELETE FROM recsys.users WHERE user_id = %s", (from_id,))
    if both is not None:
        _put(connection, {owner: user_document(replace(both, user_id=owner)).decode()})


def _user(row: tuple[str, ...]) -> User:
    return user_from(row[0])


def _json(texts: Iterable[str]) -> str:
    return orjson.dumps(list(texts)).decode()


def _receipt(connection: PostgresConnection, receipt: Receipt) -> Receipt:
    connection.execute(PUT_RECEIPT, (receipt.receipt_id, receipt.document().decode()))
    return receipt


def _new_id() -> str:
    return secrets.token_hex(8)

"""Customers in a SQLite file beside their events: consent, merges, erasure.  All within the caller's transaction."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import apsw
import orjson

from recsys.data.entities import User, UserChange
from recsys.data.events import Event
from recsys.data.store.identity import DISCARDED, IdentityState, Receipt, changed_users
from recsys.data.store.sqlite_user_index import ByUser
from recsys.data.store.validation import user_document, user_from
from recsys.errors import BadInput

# Where the events of some customers go: to whom they were merged into, or nowhere.  A forgotten customer takes a number
# of the log's own, so that "before" and "after" mean the same everywhere and no number is ever given twice.
SCHEMA = """
CREATE TABLE detours(user_id TEXT PRIMARY KEY, into_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX detours_by_into ON detours(into_id);
CREATE TABLE forgotten(
    seq INTEGER PRIMARY KEY, digest BLOB NOT NULL,
    at_ms INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)), how TEXT NOT NULL
) STRICT;
CREATE INDEX forgotten_by_digest ON forgotten(digest, seq);
CREATE TABLE receipts(receipt_id TEXT PRIMARY KEY, document BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE digest_key(key BLOB NOT NULL) STRICT;
INSERT INTO digest_key VALUES(randomblob(16));
"""
# Up to where what was deleted has been overwritten.
SWEEPS = "CREATE TABLE sweeps(seq INTEGER NOT NULL) STRICT;"
HEAD = """
SELECT max(coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT max(seq) FROM forgotten), 0))
"""
STANDING = """
SELECT coalesce((SELECT max(seq) FROM events_of_user WHERE user_id = ?1), 0),
       coalesce((SELECT max(seq) FROM new_of_user WHERE user_id = ?1), 0),
       coalesce((SELECT max(seq) FROM forgotten WHERE digest = ?2), 0),
       (SELECT into_id FROM detours WHERE user_id = ?1)
"""
FORGOTTEN = "SELECT seq, digest, at_ms, how FROM forgotten WHERE seq > ? ORDER BY seq"
MERGED = "SELECT user_id FROM detours WHERE into_id = ? ORDER BY user_id"
SWEPT = "SELECT coalesce(max(seq), 0) FROM sweeps"
PUT_RECEIPT = "INSERT OR REPLACE INTO receipts VALUES(?, ?)"
DROP_MARKS = "DELETE FROM forgotten WHERE seq <= ? AND seq < (SELECT max(seq) FROM forgotten)"
_ANY = "SELECT EXISTS (SELECT 1 FROM detours)"
_INTO = "SELECT into_id FROM detours WHERE user_id = ?"
# One who was merged into somebody who lets nothing be kept goes nowhere, too.
_DETOURS = """
SELECT mine.user_id, coalesce(theirs.into_id, mine.into_id)
FROM detours AS mine LEFT JOIN detours AS theirs ON theirs.user_id = mine.into_id
WHERE mine.user_id IN (SELECT value FROM json_each(?))
"""
_MARKED = "SELECT user_id, into_id FROM detours WHERE user_id IN (SELECT value FROM json_each(?))"
_SEQS = "SELECT seq FROM events_of_user WHERE user_id = ?1 UNION ALL SELECT seq FROM new_of_user WHERE user_id = ?1"
_FIELDS = ", ".join(Event._fields)
_ALL = f"SELECT {_FIELDS}, seq FROM events WHERE seq IN ({_SEQS}) ORDER BY seq"
_NOT_MINE = ("DELETE FROM events_of_user WHERE user_id = ?", "DELETE FROM new_of_user WHERE user_id = ?")
_PUT = "INSERT OR REPLACE INTO users VALUES(?, ?)"

DigestFunction = Callable[[str], bytes]


def detours(connection: apsw.Connection, user_ids: Iterable[str]) -> dict[str, str]:
    """Where the events of those of the customers go who do not keep them under their own id."""
    if not connection.execute(_ANY).get:
        return {}
    return {str(one): str(into) for one, into in connection.execute(_DETOURS, (_json({*user_ids}),))}


def put_users(connection: apsw.Connection, users: Iterable[User], digest: DigestFunction) -> None:
    """Stores or replaces them; who takes consent back is forgotten.  A merged id has no record of its own."""
    documents = {user.user_id: (user, user_document(user)) for user in users}
    known = {str(one): str(into) for one, into in connection.execute(_MARKED, (_json(documents),))}
    own = {user_id: told for user_id, told in documents.items() if known.get(user_id, DISCARDED) == DISCARDED}
    connection.executemany(_PUT, ((user_id, document) for user_id, (_, document) in own.items()))
    for user_id, (user, _) in own.items():
        if user.is_personal and user_id in known:
            connection.execute("DELETE FROM detours WHERE user_id = ?", (user_id,))
        elif not user.is_personal and user_id not in known:
            mark(connection, digest(user_id), "withdrawn")
            forget_events(connection, user_id)
            connection.execute("INSERT INTO detours VALUES(?, ?)", (user_id, DISCARDED))


def change_users(connection: apsw.Connection, changes: Sequence[UserChange], digest: DigestFunction) -> list[User]:
    """See `UserStore.change_users`."""

    def stored(user_id: str) -> User | None:
        document = connection.execute("SELECT document FROM users WHERE user_id = ?", (user_id,)).get
        return None if document is None else _user(document)

    after = changed_users(changes, lambda one: connection.execute(_INTO, (one,)).get or one, stored)
    put_users(connection, after, digest)
    return after


def erase(connection: apsw.Connection, user_id: str, digest: DigestFunction) -> Receipt:
    """Deletes the customer and the ids merged into them, from every table."""
    owner = connection.execute(_INTO, (user_id,)).get or user_id
    merged = [found for (found,) in connection.execute(MERGED, (owner,))]
    n_events = n_users = seq = 0
    for one in (*merged, owner):
        seq = mark(connection, digest(one), "erased")
        n_events += forget_events(connection, one)
        connection.execute("DELETE FROM users WHERE user_id = ?", (one,))
        n_users += connection.changes()
        connection.execute("DELETE FROM detours WHERE user_id = ?", (one,))
    counts = {"events": n_events, "records": n_users, "ids": len(merged) + 1}
    return _receipt(connection, Receipt(_new_id(), "erasure", digest(owner).hex(), _at(connection, seq), seq, counts))


def merge(
    connection: apsw.Connection, by_user: ByUser, from_id: str, into_id: str, digest: DigestFunction
) -> Receipt | None:
    """See `StandingStore.merge_users`."""
    owner = connection.execute(_INTO, (into_id,)).get or into_id
    before = connection.execute(_INTO, (from_id,)).get or from_id
    if before == owner:
        return None
    if before != from_id:
        raise already_merged(from_id)
    seq = mark(connection, digest(from_id), "merged")
    if connection.execute(_INTO, (owner,)).get == DISCARDED:
        n_moved, n_dropped = 0, forget_events(connection, from_id)
    else:
        n_moved, n_dropped = _move_events(connection, by_user, from_id, owner), 0
    connection.execute("UPDATE detours SET into_id = ? WHERE into_id = ?", (owner, from_id))
    connection.execute("INSERT OR REPLACE INTO detours VALUES(?, ?)", (from_id, owner))
    _join_records(connection, from_id, owner)
    counts = {"events": n_moved, "not_kept": n_dropped}
    told = Receipt(_new_id(), "merge", digest(from_id).hex(), _at(connection, seq), seq, counts, digest(owner).hex())
    return _receipt(connection, told)


def already_merged(from_id: str) -> BadInput:
    return BadInput(f"from {from_id!r:.80} was merged into another customer; give a visitor a new id after a log-out")


def merged_ids(one: User | None, other: User | None) -> User | None:
    """The record of one customer, with attributes of the other where it has none; consent is never taken over."""
    if one is None or other is None:
        return one or (other and replace(other, consent={}))
    return replace(one, attributes={**other.attributes, **one.attributes})


def forget_events(connection: apsw.Connection, user_id: str) -> int:
    """Deletes the events kept under that id, and their event ids; how many they were."""
    connection.execute(
        f"DELETE FROM event_ids WHERE event_id IN (SELECT event_id FROM events WHERE seq IN ({_SEQS}))", (user_id,)
    )
    connection.execute(f"DELETE FROM events WHERE seq IN ({_SEQS})", (user_id,))
    n = connection.changes()
    for sql in _NOT_MINE:
        connection.execute(sql, (user_id,))
    return n


def mark(connection: apsw.Connection, digest: bytes, how: IdentityState) -> int:
    """Releases made before do not speak of that customer.  Its number in the log; take it before deleting anything."""
    seq = int(connection.execute(HEAD).get) + 1
    connection.execute("INSERT INTO forgotten(seq, digest, how) VALUES(?, ?, ?)", (seq, digest, how))
    return seq


def _move_events(connection: apsw.Connection, by_user: ByUser, from_id: str, owner: str) -> int:
    """Gives them new numbers: whoever asks for what is new of the owner finds them."""
    rows: Sequence[tuple[object, ...]] = connection.execute(_ALL, (from_id,)).fetchall()
    first = int(connection.execute(HEAD).get) + 1
    for sql in _NOT_MINE:
        connection.execute(sql, (from_id,))
    moved = [(owner, seq, row[-1]) for seq, row in enumerate(rows, first)]
    connection.executemany("UPDATE events SET user_id = ?, seq = ? WHERE seq = ?", moved)
    by_user.add(connection, first, len(rows))
    return len(rows)


def _join_records(connection: apsw.Connection, from_id: str, owner: str) -> None:
    found = connection.execute("SELECT document FROM users WHERE user_id IN (?, ?)", (from_id, owner)).fetchall()
    by_id = {user.user_id: user for user in (_user(document) for (document,) in found)}
    both = merged_ids(by_id.get(owner), by_id.get(from_id))
    connection.execute("DELETE FROM users WHERE user_id = ?", (from_id,))
    if both is not None:
        connection.execute(_PUT, (owner, user_document(replace(both, user_id=owner))))


def _user(document: object) -> User:
    assert isinstance(document, str | bytes)
    return user_from(document)


def _json(texts: Iterable[str]) -> str:
    return orjson.dumps(list(texts)).decode()


def _receipt(connection: apsw.Connection, receipt: Receipt) -> Receipt:
    connection.execute(PUT_RECEIPT, (receipt.receipt_id, receipt.document()))
    return receipt


def _at(connection: apsw.Connection, seq: int) -> int:
    return int(connection.execute("SELECT at_ms FROM forgotten WHERE seq = ?", (seq,)).get)


def _new_id() -> str:
    return secrets.token_hex(8)

"""Customers in SQLite: tables of consent, merges, tombstones and receipts beside the events."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import apsw
import orjson

from recsys.data.entities import User
from recsys.data.store.identity import IdentityState, Receipt
from recsys.data.store.sqlite_user_index import UserEventIndex
from recsys.data.store.validation import parse_user

# detours: the owner of an id that does not own itself, see UserTables.  forgotten: tombstones; each takes a seq of the
# log, so that "before" and "after" mean the same everywhere and no seq is given twice.
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
# The seq up to which the traces of deleted rows were overwritten.
SWEEPS = "CREATE TABLE sweeps(seq INTEGER NOT NULL) STRICT;"
HEAD = """
SELECT max(coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT max(seq) FROM forgotten), 0))
"""
IDENTITY = """
SELECT coalesce((SELECT max(seq) FROM events_of_user WHERE user_id = ?1), 0),
       coalesce((SELECT max(seq) FROM new_of_user WHERE user_id = ?1), 0),
       coalesce((SELECT max(seq) FROM forgotten WHERE digest = ?2), 0),
       (SELECT into_id FROM detours WHERE user_id = ?1)
"""
MERGED_IDS = "SELECT user_id FROM detours WHERE into_id = ? ORDER BY user_id"
SWEPT = "SELECT coalesce(max(seq), 0) FROM sweeps"
_DROP_TOMBSTONES = "DELETE FROM forgotten WHERE seq <= ? AND seq < (SELECT max(seq) FROM forgotten)"
_ANY = "SELECT EXISTS (SELECT 1 FROM detours)"
_OWNER = "SELECT into_id FROM detours WHERE user_id = ?"
_OWNERS = "SELECT user_id, into_id FROM detours WHERE user_id IN (SELECT value FROM json_each(?))"
# A visitor who was merged into a customer of whom nothing is kept is discarded, too.
_EVENT_OWNERS = """
SELECT mine.user_id, coalesce(theirs.into_id, mine.into_id)
FROM detours AS mine LEFT JOIN detours AS theirs ON theirs.user_id = mine.into_id
WHERE mine.user_id IN (SELECT value FROM json_each(?))
"""
_SEQS = "SELECT seq FROM events_of_user WHERE user_id = ?1 UNION ALL SELECT seq FROM new_of_user WHERE user_id = ?1"
_ORDERED_SEQS = f"{_SEQS} ORDER BY seq"
_DROP_SEQS = ("DELETE FROM events_of_user WHERE user_id = ?", "DELETE FROM new_of_user WHERE user_id = ?")
_ADD_TOMBSTONE = f"INSERT INTO forgotten(seq, digest, how) VALUES(({HEAD}) + 1, ?, ?) RETURNING seq, at_ms"


def event_owner_ids(connection: apsw.Connection, user_ids: Iterable[str]) -> dict[str, str]:
    """The owner of new events, an id or DISCARDED, of each of those ids that does not own its events."""
    if not connection.execute(_ANY).get:
        return {}
    return _text_pairs(connection.execute(_EVENT_OWNERS, (_json({*user_ids}),)))


class SqliteUserTables:
    """The `UserTables` of one connection."""

    def __init__(self, connection: apsw.Connection, user_index: UserEventIndex) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._user_index = user_index

    def owner_id(self, user_id: str) -> str | None:
        owner_id: str | None = self._execute(_OWNER, (user_id,)).get
        return owner_id

    def owner_ids(self, user_ids: Collection[str]) -> dict[str, str]:
        return _text_pairs(self._execute(_OWNERS, (_json(user_ids),)))

    def set_owner(self, user_id: str, owner_id: str) -> None:
        self._execute("INSERT OR REPLACE INTO detours VALUES(?, ?)", (user_id, owner_id))

    def delete_owner(self, user_id: str) -> None:
        self._execute("DELETE FROM detours WHERE user_id = ?", (user_id,))

    def replace_owner(self, owner_id: str, new_owner_id: str) -> None:
        self._execute("UPDATE detours SET into_id = ? WHERE into_id = ?", (new_owner_id, owner_id))

    def merged_ids(self, owner_id: str) -> list[str]:
        return [str(user_id) for (user_id,) in self._execute(MERGED_IDS, (owner_id,))]

    def user(self, user_id: str) -> User | None:
        document = self._execute("SELECT document FROM users WHERE user_id = ?", (user_id,)).get
        return None if document is None else parse_user(document)

    def put_documents(self, documents: Mapping[str, bytes]) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO users VALUES(?, ?)", documents.items())

    def delete_user(self, user_id: str) -> int:
        self._execute("DELETE FROM users WHERE user_id = ?", (user_id,))
        return self._connection.changes()

    def delete_events(self, user_id: str) -> int:
        self._execute(
            f"DELETE FROM event_ids WHERE event_id IN (SELECT event_id FROM events WHERE seq IN ({_SEQS}))", (user_id,)
        )
        self._execute(f"DELETE FROM events WHERE seq IN ({_SEQS})", (user_id,))
        n_events = self._connection.changes()
        self._drop_seqs(user_id)
        return n_events

    def move_events(self, from_id: str, owner_id: str) -> int:
        seqs = self._execute(_ORDERED_SEQS, (from_id,)).fetchall()
        first_seq = int(self._execute(HEAD).get) + 1
        self._drop_seqs(from_id)
        moved = [(owner_id, seq, old_seq) for seq, (old_seq,) in enumerate(seqs, first_seq)]
        self._connection.executemany("UPDATE events SET user_id = ?, seq = ? WHERE seq = ?", moved)
        self._user_index.add(self._connection, first_seq, len(seqs))
        return len(seqs)

    def add_tombstone(self, digest: bytes, state: IdentityState) -> tuple[int, int]:
        seq, at_ms = self._execute(_ADD_TOMBSTONE, (digest, state)).get
        return seq, at_ms

    def drop_tombstones(self, until_seq: int) -> None:
        self._execute(_DROP_TOMBSTONES, (until_seq,))

    def put_receipt(self, receipt: Receipt) -> None:
        self._execute("INSERT OR REPLACE INTO receipts VALUES(?, ?)", (receipt.receipt_id, receipt.to_json()))

    def _drop_seqs(self, user_id: str) -> None:
        for sql in _DROP_SEQS:
            self._execute(sql, (user_id,))


def _text_pairs(rows: Iterable[Sequence[object]]) -> dict[str, str]:
    return {str(key): str(value) for key, value in rows}


def _json(texts: Iterable[str]) -> str:
    return orjson.dumps(list(texts)).decode()

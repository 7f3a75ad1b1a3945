"""Customers in SQLite: tables of consent, merges, tombstones and receipts beside the events."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import apsw

from recsys.data.events import Event
from recsys.data.lineage import HEAD, REVISION
from recsys.data.store.campaigns.campaign_table import MemberRow
from recsys.data.store.identity import Receipt
from recsys.data.store.people import fact_table
from recsys.data.store.people.user_tables import ANY_SEQ, FIELDS, Row, UserTables, json_array
from recsys.data.store.sqlite_bulk_insert import insert_rows
from recsys.data.store.sqlite_user_index import UserEventIndex

NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
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
# Before version 7, a known id did not lead to its event.
EVENT_IDS = """
CREATE TABLE event_ids(event_id TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
EVENT_IDS_MIGRATION = f"""
DROP TABLE event_ids;
{EVENT_IDS}
INSERT INTO event_ids SELECT event_id, seq FROM events ORDER BY event_id;
"""
# sent_as: for whom an event was sent that belongs to another id since.  merges: how each merge is taken back.
MERGES = """
CREATE TABLE sent_as(event_id TEXT PRIMARY KEY, user_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX sent_as_by_user ON sent_as(user_id);
CREATE TABLE merges(from_id TEXT PRIMARY KEY, into_id TEXT NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX merges_by_into ON merges(into_id);
"""
# The seq up to which the traces of deleted rows were overwritten.
SWEEPS = "CREATE TABLE sweeps(seq INTEGER NOT NULL) STRICT;"
# erased: when each customer was erased, by digest in hex; it stays, because an event from before may come at any time.
# unfinished: erasures and merges that go on, see UnfinishedChange.
ERASURES = """
CREATE TABLE erased(digest TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX erased_by_time ON erased(at_ms);
INSERT INTO erased SELECT lower(hex(digest)), max(at_ms) FROM forgotten WHERE how = 'erased' GROUP BY digest;
CREATE TABLE unfinished(receipt_id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
ALTER TABLE sweeps ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;
"""
IDENTITY = """
SELECT max(coalesce((SELECT max(seq) FROM events_of_user WHERE user_id = $1), 0),
           coalesce((SELECT max(seq) FROM new_of_user WHERE user_id = $1), 0)),
       coalesce((SELECT max(seq) FROM forgotten WHERE digest = $2), 0),
       (SELECT into_id FROM detours WHERE user_id = $1)
"""
_SEQS = "SELECT seq FROM events_of_user WHERE user_id = $1 UNION ALL SELECT seq FROM new_of_user WHERE user_id = $1"
_OLDEST = f"SELECT seq FROM ({_SEQS}) WHERE seq <= $2 ORDER BY seq LIMIT $3"
_MINE = "WHERE user_id = $1 AND seq IN (SELECT value FROM json_each($2))"
_GIVEN = "SELECT value FROM json_each($1)"
_DROP_SENT_AS = f"DELETE FROM sent_as WHERE event_id IN (SELECT event_id FROM events WHERE seq IN ({_GIVEN}))"
_SENT_FOR_OWNER = """
DELETE FROM sent_as WHERE user_id = $1 AND event_id IN (SELECT event_id FROM events WHERE seq >= $2)
"""
_SENT_AS_SEQS = f"""
SELECT seq FROM sent_as JOIN event_ids USING(event_id) JOIN events USING(seq)
WHERE sent_as.user_id IN ({_GIVEN}) AND events.user_id = $2 ORDER BY seq LIMIT $3
"""
_STORED = f"""
SELECT seq, {FIELDS} FROM events
WHERE seq IN (SELECT seq FROM event_ids WHERE event_id IN (SELECT value FROM json_each($1)))
"""
_MOVE_IDS = "UPDATE event_ids SET seq = ?1 WHERE event_id = (SELECT event_id FROM events WHERE seq = ?1)"
_FACTS = f"facts({', '.join(fact_table.COLUMNS)})"
_MARKS = ", ".join("?" * len(Event._fields))
_REPLACE = f"UPDATE events SET ({FIELDS}) = ({_MARKS}) WHERE seq = ?"


PUT_ITEM = f"""
INSERT INTO items VALUES(({REVISION}) + 1, ?, ?)
ON CONFLICT(item_id) DO UPDATE SET revision = excluded.revision, document = excluded.document
"""


class SqliteUserTables(UserTables):
    """The `UserTables` of one connection."""

    TEXTS = "SELECT value FROM json_each($1)"
    _NOW = NOW
    _SEQS = _GIVEN
    _STORED = _STORED

    def __init__(self, connection: apsw.Connection, user_index: UserEventIndex, digest: Callable[[str], bytes]) -> None:
        super().__init__(connection.execute, digest)
        self._connection = connection
        self._user_index = user_index

    def event_owner_ids(self, user_ids: Iterable[str]) -> dict[str, str]:
        has_detours = self._connection.execute("SELECT EXISTS (SELECT 1 FROM detours)").get
        return super().event_owner_ids(user_ids) if has_detours else {}

    def put_documents(self, documents: Mapping[str, bytes]) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO users VALUES(?, ?)", documents.items())

    def put_item_documents(self, documents: Mapping[str, bytes]) -> None:
        self._connection.executemany(PUT_ITEM, documents.items())

    def put_receipt(self, receipt: Receipt) -> None:
        self.execute("INSERT OR REPLACE INTO receipts VALUES(?, ?)", (receipt.receipt_id, receipt.to_json()))

    def insert_facts(self, rows: Sequence[Row]) -> None:
        insert_rows(self._connection, _FACTS, rows)

    def insert_members(self, rows: Sequence[MemberRow]) -> None:
        insert_rows(self._connection, "campaign_members", rows)

    def replace_events(self, changes: Sequence[tuple[int, Event, Event]]) -> None:
        self._connection.executemany(_REPLACE, ((*after, seq) for seq, _, after in changes))
        renamed = [(after.event_id, old.event_id) for _, old, after in changes if after.event_id != old.event_id]
        self._connection.executemany("UPDATE event_ids SET event_id = ? WHERE event_id = ?", renamed)
        for seq, old, after in changes:
            if after.user_id != old.user_id:
                self.execute("DELETE FROM events_of_user WHERE user_id = ? AND seq = ?", (old.user_id, seq))
                self.execute("DELETE FROM new_of_user WHERE user_id = ? AND seq = ?", (old.user_id, seq))
                self.execute("INSERT INTO new_of_user VALUES(?, ?)", (after.user_id, seq))

    def delete_events(self, user_id: str, limit: int | None = None) -> int:
        seqs = self.oldest_seqs(user_id, limit)
        self._delete_rows(seqs)
        self._delete_index_rows(user_id, seqs)
        return len(seqs)

    def delete_seqs(self, seqs: Sequence[int]) -> None:
        pairs = self.rows(f"SELECT user_id, seq FROM events WHERE seq IN ({_GIVEN})", json_array(seqs))
        self._delete_rows(seqs)
        self._connection.executemany("DELETE FROM events_of_user WHERE user_id = ? AND seq = ?", pairs)
        self._connection.executemany("DELETE FROM new_of_user WHERE user_id = ? AND seq = ?", pairs)

    def _delete_rows(self, seqs: Sequence[int]) -> None:
        given = (json_array(seqs),)
        self.execute(
            f"DELETE FROM event_ids WHERE event_id IN (SELECT event_id FROM events WHERE seq IN ({_GIVEN}))", given
        )
        self.execute(_DROP_SENT_AS, given)
        self.execute(f"DELETE FROM events WHERE seq IN ({_GIVEN})", given)

    def move_seqs(self, from_id: str, owner_id: str, seqs: Sequence[int]) -> None:
        first_seq = int(self._connection.execute(HEAD).get) + 1
        self._delete_index_rows(from_id, seqs)
        moved = [(owner_id, seq, old_seq) for seq, old_seq in enumerate(seqs, first_seq)]
        self._connection.executemany("UPDATE events SET user_id = ?, seq = ? WHERE seq = ?", moved)
        self._connection.executemany(_MOVE_IDS, ((seq,) for _, seq, _ in moved))
        self.execute(_SENT_FOR_OWNER, (owner_id, first_seq))
        if seqs:
            self._user_index.add(self._connection, first_seq, len(seqs))

    def oldest_seqs(self, user_id: str, limit: int | None, until_seq: int = ANY_SEQ) -> list[int]:
        return [seq for (seq,) in self.rows(_OLDEST, user_id, until_seq, -1 if limit is None else limit)]

    def sent_as_seqs(self, owner_id: str, user_ids: Sequence[str], limit: int) -> list[int]:
        return [seq for (seq,) in self.rows(_SENT_AS_SEQS, json_array(user_ids), owner_id, limit)]

    def _delete_index_rows(self, user_id: str, seqs: Sequence[int]) -> None:
        mine = (user_id, json_array(seqs))
        self.execute(f"DELETE FROM events_of_user {_MINE}", mine)
        self.execute(f"DELETE FROM new_of_user {_MINE}", mine)

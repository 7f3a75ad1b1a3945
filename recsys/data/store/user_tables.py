"""Tables of customers inside one transaction: owners of ids, records, tombstones and receipts in every database."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import orjson

from recsys.data.entities import User
from recsys.data.events import Event
from recsys.data.store.identity import IdentityState, Receipt
from recsys.data.store.validation import parse_user

FIELDS = ", ".join(Event._fields)
Row = tuple[Any, ...]

HEAD = """
SELECT coalesce(max(seq), 0)
FROM (SELECT max(seq) AS seq FROM events UNION ALL SELECT max(seq) FROM forgotten) AS heads
"""
MERGED_IDS = "SELECT user_id FROM detours WHERE into_id = $1 ORDER BY user_id"
USER = "SELECT document FROM users WHERE user_id = $1"
_SET_OWNER = """
INSERT INTO detours VALUES($1, $2) ON CONFLICT (user_id) DO UPDATE SET into_id = excluded.into_id
"""
_ADD_TOMBSTONE = f"INSERT INTO forgotten(seq, digest, how) SELECT ({HEAD}) + 1, $1, $2 RETURNING seq, at_ms"
_DROP_TOMBSTONES = "DELETE FROM forgotten WHERE seq <= $1 AND seq < (SELECT max(seq) FROM forgotten)"
_OWNERS = "SELECT user_id, into_id FROM detours WHERE user_id IN"
_EVENTS = f"SELECT seq, {FIELDS} FROM events WHERE event_id IN"
# A visitor who was merged into a customer of whom nothing is kept is discarded, too.
_EVENT_OWNERS = """
SELECT mine.user_id, coalesce(theirs.into_id, mine.into_id)
FROM detours AS mine LEFT JOIN detours AS theirs ON theirs.user_id = mine.into_id
WHERE mine.user_id IN
"""


class UserTables(ABC):
    """The statements that SQLite and PostgreSQL share, with placeholders ($1) that both understand.

    An id has another owner when it was merged into that one, or DISCARDED when its events are not kept.
    The methods that delete or move return the number of rows.
    """

    _TEXTS: ClassVar[str]  # the query for the texts of a JSON array, $1

    def __init__(self, execute: Callable[[str, Sequence[Any]], Any]) -> None:
        self._execute = execute

    def owner_id(self, user_id: str) -> str | None:
        rows = self._rows("SELECT into_id FROM detours WHERE user_id = $1", user_id)
        return rows[0][0] if rows else None

    def owner_ids(self, user_ids: Collection[str]) -> dict[str, str]:
        return dict(self._rows(f"{_OWNERS} ({self._TEXTS})", json_array(user_ids)))

    def event_owner_ids(self, user_ids: Iterable[str]) -> dict[str, str]:
        """The owner of new events, an id or DISCARDED, of each of those ids that does not own its events."""
        return dict(self._rows(f"{_EVENT_OWNERS} ({self._TEXTS})", json_array({*user_ids})))

    def set_owner(self, user_id: str, owner_id: str) -> None:
        self._execute(_SET_OWNER, (user_id, owner_id))

    def delete_owner(self, user_id: str) -> None:
        self._execute("DELETE FROM detours WHERE user_id = $1", (user_id,))

    def replace_owner(self, owner_id: str, new_owner_id: str) -> None:
        self._execute("UPDATE detours SET into_id = $1 WHERE into_id = $2", (new_owner_id, owner_id))

    def merged_ids(self, owner_id: str) -> list[str]:
        return [user_id for (user_id,) in self._rows(MERGED_IDS, owner_id)]

    def user(self, user_id: str) -> User | None:
        rows = self._rows(USER, user_id)
        return parse_user(rows[0][0]) if rows else None

    def delete_user(self, user_id: str) -> int:
        return len(self._rows("DELETE FROM users WHERE user_id = $1 RETURNING user_id", user_id))

    def add_tombstone(self, digest: bytes, state: IdentityState) -> tuple[int, int]:
        """Takes the next seq; returns it and the time in Unix ms.  Call it before anything is deleted."""
        ((seq, at_ms),) = self._rows(_ADD_TOMBSTONE, digest, state)
        return seq, at_ms

    def drop_tombstones(self, until_seq: int) -> None:
        self._execute(_DROP_TOMBSTONES, (until_seq,))

    def stored_events(self, event_ids: Collection[str]) -> dict[str, tuple[int, Event]]:
        """Seq and content of the stored events among those ids."""
        rows = self._rows(f"{_EVENTS} ({self._TEXTS})", json_array(event_ids)) if event_ids else []
        return {row[1]: (row[0], Event._make(row[1:])) for row in rows}

    @abstractmethod
    def replace_events(self, changes: Sequence[tuple[int, Event, Event]]) -> None:
        """Stores other contents: seq, the event as it is stored, and as it is from now on."""

    @abstractmethod
    def put_documents(self, documents: Mapping[str, bytes]) -> None:
        """Stores or replaces the records of customers."""

    @abstractmethod
    def put_receipt(self, receipt: Receipt) -> None:
        """Stores or replaces it."""

    @abstractmethod
    def delete_events(self, user_id: str) -> int: ...

    @abstractmethod
    def move_events(self, from_id: str, owner_id: str) -> int:
        """Gives them the owner's id and the next seqs, so that readers of the owner's new events get them."""

    def _rows(self, sql: str, *values: Any) -> list[Row]:
        rows: list[Row] = self._execute(sql, values).fetchall()
        return rows


def json_array(texts: Iterable[Any]) -> str:
    return orjson.dumps(list(texts)).decode()

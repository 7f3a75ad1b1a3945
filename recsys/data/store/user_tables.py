"""Tables of customers and their changes inside one transaction: consent, merge and erasure in every database."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import orjson

from recsys.data.entities import User, UserChange
from recsys.data.events import Correction, Event
from recsys.data.lineage import HEAD
from recsys.data.store.identity import DISCARDED, AppendResult, IdentityState, Receipt
from recsys.data.store.serialization import parse_user, user_document
from recsys.errors import BadInput

FIELDS = ", ".join(Event._fields)
Row = tuple[Any, ...]
MERGED_IDS = "SELECT user_id FROM detours WHERE into_id = $1 ORDER BY user_id"
USER = "SELECT document FROM users WHERE user_id = $1"
_SET_OWNER = """
INSERT INTO detours VALUES($1, $2) ON CONFLICT (user_id) DO UPDATE SET into_id = excluded.into_id
"""
_ADD_TOMBSTONE = f"INSERT INTO forgotten(seq, digest, how) SELECT ({HEAD}) + 1, $1, $2 RETURNING seq, at_ms"
_DROP_TOMBSTONES = "DELETE FROM forgotten WHERE seq <= $1 AND seq < (SELECT max(seq) FROM forgotten)"
_EVENTS = f"SELECT seq, {FIELDS} FROM events WHERE event_id IN"
_OWNERS = "SELECT user_id, into_id FROM detours WHERE user_id IN"
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

    def __init__(self, execute: Callable[[str, Sequence[Any]], Any], digest: Callable[[str], bytes]) -> None:
        self._execute = execute
        self._digest = digest

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

    def add_tombstone(self, user_id: str, state: IdentityState) -> tuple[int, int]:
        """Takes the next seq; returns it and the time in Unix ms.  Call it before anything is deleted."""
        ((seq, at_ms),) = self._rows(_ADD_TOMBSTONE, self._digest(user_id), state)
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

    def put_users(self, users: Sequence[User]) -> None:
        """See `Store.put_users`."""
        documents = {user.user_id: (user, user_document(user)) for user in users}
        owner_ids = self.owner_ids(documents)
        own = {key: pair for key, pair in documents.items() if owner_ids.get(key, DISCARDED) == DISCARDED}
        self.put_documents({user_id: document for user_id, (_, document) in own.items()})
        for user_id, (user, _) in own.items():
            if user.is_personal and user_id in owner_ids:
                self.delete_owner(user_id)
            elif not user.is_personal and user_id not in owner_ids:
                self.add_tombstone(user_id, "withdrawn")
                self.delete_events(user_id)
                self.set_owner(user_id, DISCARDED)

    def change_users(self, changes: Sequence[UserChange]) -> list[User]:
        """See `Store.change_users`."""
        known: dict[str, User] = {}
        after = []
        for change in changes:
            owner_id = self.owner_id(change.user_id) or change.user_id
            before = known.get(owner_id) or self.user(owner_id) or User(owner_id)
            known[owner_id] = change.apply_to(before)
            after.append(known[owner_id])
        self.put_users(after)
        return after

    def erase_user(self, user_id: str) -> Receipt:
        """See `Store.erase_user`."""
        owner_id = self.owner_id(user_id) or user_id
        merged = self.merged_ids(owner_id)
        n_events = n_users = seq = at_ms = 0
        for erased in (*merged, owner_id):
            seq, at_ms = self.add_tombstone(erased, "erased")
            n_events += self.delete_events(erased)
            n_users += self.delete_user(erased)
            self.delete_owner(erased)
        counts = {"events": n_events, "records": n_users, "ids": len(merged) + 1}
        receipt = Receipt(secrets.token_hex(8), "erasure", self._digest(owner_id).hex(), at_ms, seq, counts)
        self.put_receipt(receipt)
        return receipt

    def merge_users(self, from_id: str, into_id: str) -> Receipt | None:
        """See `Store.merge_users`."""
        owner_id = self.owner_id(into_id) or into_id
        before = self.owner_id(from_id) or from_id
        if before == owner_id:
            return None
        if before != from_id:
            what = f"from {from_id!r:.80} was merged into another customer"
            raise BadInput(f"{what}; give a visitor a new id after a log-out")
        seq, at_ms = self.add_tombstone(from_id, "merged")
        if self.owner_id(owner_id) == DISCARDED:
            n_moved, n_dropped = 0, self.delete_events(from_id)
        else:
            n_moved, n_dropped = self.move_events(from_id, owner_id), 0
        self.replace_owner(from_id, owner_id)
        self.set_owner(from_id, owner_id)
        self._merge_records(from_id, owner_id)
        counts = {"events": n_moved, "not_kept": n_dropped}
        receipt = Receipt(
            secrets.token_hex(8), "merge", self._digest(from_id).hex(), at_ms, seq, counts, self._digest(owner_id).hex()
        )
        self.put_receipt(receipt)
        return receipt

    def _merge_records(self, from_id: str, owner_id: str) -> None:
        """The owner takes over attributes that it does not have itself, but never consent."""
        visitor, owner = self.user(from_id), self.user(owner_id) or User(owner_id)
        self.delete_user(from_id)
        if visitor is not None:
            merged = replace(owner, attributes={**visitor.attributes, **owner.attributes})
            self.put_documents({owner_id: user_document(merged)})

    def correct_events(self, corrections: Sequence[Correction]) -> list[AppendResult]:
        """See `Store.correct`."""
        new_ids = {event.event_id for old_id, event in corrections if event.event_id != old_id}
        stored = self.stored_events({*new_ids, *(old_id for old_id, _ in corrections)})
        owner_id_by_user = self.event_owner_ids(event.user_id for _, event in corrections)
        results, changes = list[AppendResult](), list[tuple[int, Event, Event]]()
        for old_id, event in corrections:
            owner_id = owner_id_by_user.get(event.user_id, event.user_id)
            if old_id not in stored or owner_id == DISCARDED:
                results.append(None)
                continue
            seq, before = stored[old_id]
            after = event._replace(user_id=owner_id, request_id=before.request_id)
            is_taken = after.event_id != old_id and after.event_id in stored
            results.append(after != before and not is_taken)
            if results[-1]:
                changes.append((seq, before, after))
                del stored[old_id]
                stored[after.event_id] = seq, after
        self.replace_events(changes)
        return results

    def _rows(self, sql: str, *values: Any) -> list[Row]:
        rows: list[Row] = self._execute(sql, values).fetchall()
        return rows


def json_array(texts: Iterable[Any]) -> str:
    return orjson.dumps(list(texts)).decode()

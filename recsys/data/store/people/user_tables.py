"""Tables of customers and their changes inside one transaction: consent, merge and erasure in every database."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import orjson

from recsys.data.audit import DIGEST_SUBJECT
from recsys.data.entities import Item, User, UserChange
from recsys.data.events import Event
from recsys.data.facts import Fact
from recsys.data.lineage import HEAD, LOG_ID
from recsys.data.store.campaigns.campaign_table import CampaignTable, MemberRow
from recsys.data.store.identity import (
    DISCARDED,
    AppendResult,
    IdentityState,
    Receipt,
    ReceiptKind,
    UnfinishedChange,
    parse_change,
    parse_receipt,
    repetition_result,
)
from recsys.data.store.people.fact_table import FactTable, consent_statements
from recsys.data.store.serialization import item_document, parse_item, parse_user, user_document

FIELDS = ", ".join(Event._fields)
Row = tuple[Any, ...]
MERGED_IDS = "SELECT user_id FROM detours WHERE into_id = $1 ORDER BY user_id"
USER = "SELECT document FROM users WHERE user_id = $1"
KNOWN_IDS = """
SELECT user_id FROM users UNION SELECT user_id FROM events
UNION SELECT user_id FROM detours UNION SELECT into_id FROM detours WHERE into_id <> ''
UNION SELECT user_id FROM facts UNION SELECT user_id FROM campaign_members
"""
_SET_OWNER = """
INSERT INTO detours VALUES($1, $2) ON CONFLICT (user_id) DO UPDATE SET into_id = excluded.into_id
"""
_ADD_TOMBSTONE = f"INSERT INTO forgotten(seq, digest, how) SELECT ({HEAD}) + 1, $1, $2 RETURNING seq, at_ms"
_DROP_OLDER = "DELETE FROM forgotten WHERE digest = $1 AND how = 'erased' AND seq < $2"
_SET_ERASED = "INSERT INTO erased VALUES($1, $2) ON CONFLICT (digest) DO UPDATE SET at_ms = excluded.at_ms"
_ERASED = "SELECT digest, at_ms FROM erased WHERE digest IN"
_PUT_UNFINISHED = """
INSERT INTO unfinished VALUES($1, $2) ON CONFLICT (receipt_id) DO UPDATE SET document = excluded.document
"""
_DROP_TOMBSTONES = "DELETE FROM forgotten WHERE seq <= $1 AND seq < (SELECT max(seq) FROM forgotten)"
_DROP_MERGES = "DELETE FROM merges WHERE from_id = $1 OR into_id = $1"
SENT_AS = "INSERT INTO sent_as VALUES($1, $2) ON CONFLICT (event_id) DO UPDATE SET user_id = excluded.user_id"
_KEEP_SENT_AS = "INSERT INTO sent_as SELECT event_id, user_id FROM events WHERE seq IN"
RECEIPT = "SELECT document FROM receipts WHERE receipt_id = $1"
UNFINISHED = "SELECT document FROM unfinished ORDER BY receipt_id"
_ITEMS = "SELECT document FROM items WHERE item_id IN"
_OWNERS = "SELECT user_id, into_id FROM detours WHERE user_id IN"
# A visitor who was merged into a customer of whom nothing is kept is discarded, too.
_EVENT_OWNERS = """
SELECT mine.user_id, coalesce(theirs.into_id, mine.into_id)
FROM detours AS mine LEFT JOIN detours AS theirs ON theirs.user_id = mine.into_id
WHERE mine.user_id IN
"""


# Rows of one transaction of an erasure or a merge: a few milliseconds, after which other writers get their turn.
PIECE_ROWS = 200
ALL_ROWS = 2**31
ANY_SEQ = 2**62
CLOCK_SKEW_MS = 60_000


class UserTables(ABC):
    """The statements that SQLite and PostgreSQL share, with placeholders ($1) that both understand.

    An id has another owner when it was merged into that one, or DISCARDED when its events are not kept.
    The methods that delete or move return the number of rows.
    """

    TEXTS: ClassVar[str]  # the query for the texts of a JSON array, $1
    _SEQS: ClassVar[str]  # the query for the numbers of a JSON array, $1
    _NOW: ClassVar[str]  # Unix ms
    _STORED: ClassVar[str]  # the query for seq and fields of the events with the ids of a JSON array, $1

    def __init__(self, execute: Callable[[str, Sequence[Any]], Any], digest: Callable[[str], bytes]) -> None:
        self.execute = execute
        self.digest = digest

    def owner_id(self, user_id: str) -> str | None:
        rows = self.rows("SELECT into_id FROM detours WHERE user_id = $1", user_id)
        return rows[0][0] if rows else None

    def owner_ids(self, user_ids: Collection[str]) -> dict[str, str]:
        return dict(self.rows(f"{_OWNERS} ({self.TEXTS})", json_array(user_ids)))

    def event_owner_ids(self, user_ids: Iterable[str]) -> dict[str, str]:
        """The owner of new events, an id or DISCARDED, of each of those ids that does not own its events."""
        return dict(self.rows(f"{_EVENT_OWNERS} ({self.TEXTS})", json_array({*user_ids})))

    def event_owners(self, events: Sequence[Event] | Sequence[Fact]) -> list[str] | None:
        """The owner of each event, DISCARDED for one that is not kept; None if each belongs to its user_id, as usual.

        An event from before its customer was erased is not kept, however late it comes.
        """
        owner_id_by_user = self.event_owner_ids(event.user_id for event in events)
        erased_ms = self.erased_ms(events)
        if not owner_id_by_user and not erased_ms:
            return None
        return [
            DISCARDED
            if event.user_id in erased_ms and event.at_ms <= erased_ms[event.user_id]
            else owner_id_by_user.get(event.user_id, event.user_id)
            for event in events
        ]

    def erased_ms(self, events: Sequence[Event] | Sequence[Fact]) -> dict[str, int]:
        """When each erased customer with an event from before the last erasure was erased.

        An erasure in the future, by a clock that was wrong, judges nothing.
        """
        ((last_ms,),) = self.rows(f"SELECT max(at_ms) FROM erased WHERE at_ms <= {self._NOW} + {CLOCK_SKEW_MS}")
        user_ids = {event.user_id for event in events if event.at_ms <= last_ms} if last_ms is not None else ()
        if not user_ids:
            return {}
        user_id_by_digest = {self.digest(user_id).hex(): user_id for user_id in user_ids}
        rows = self.rows(f"{_ERASED} ({self.TEXTS})", json_array(user_id_by_digest))
        return {user_id_by_digest[digest]: at_ms for digest, at_ms in rows if at_ms <= last_ms}

    def set_owner(self, user_id: str, owner_id: str) -> None:
        self.execute(_SET_OWNER, (user_id, owner_id))

    def delete_owner(self, user_id: str) -> None:
        self.execute("DELETE FROM detours WHERE user_id = $1", (user_id,))

    def replace_owner(self, owner_id: str, new_owner_id: str) -> None:
        self.execute("UPDATE detours SET into_id = $1 WHERE into_id = $2", (new_owner_id, owner_id))

    def merged_ids(self, owner_id: str) -> list[str]:
        return [user_id for (user_id,) in self.rows(MERGED_IDS, owner_id)]

    def user(self, user_id: str) -> User | None:
        rows = self.rows(USER, user_id)
        return parse_user(rows[0][0]) if rows else None

    def delete_user(self, user_id: str) -> int:
        return len(self.rows("DELETE FROM users WHERE user_id = $1 RETURNING user_id", user_id))

    def add_tombstone(self, user_id: str, state: IdentityState) -> tuple[int, int]:
        """Takes the next seq; returns it and the time in Unix ms.  Call it before anything is deleted."""
        ((seq, at_ms),) = self.rows(_ADD_TOMBSTONE, self.digest(user_id), state)
        return seq, at_ms

    def note_erased(self, times: Mapping[str, int]) -> None:
        """Marks customers as erased at those times, by digest as hex."""
        for digest, at_ms in times.items():
            self.execute(_ADD_TOMBSTONE, (bytes.fromhex(digest), "erased"))
            self.execute(_SET_ERASED, (digest, at_ms))

    def drop_tombstones(self, until_seq: int) -> None:
        self.execute(_DROP_TOMBSTONES, (until_seq,))

    def stored_events(self, event_ids: Collection[str]) -> dict[str, tuple[int, Event]]:
        """Seq and content of the stored events among those ids."""
        rows = self.rows(self._STORED, json_array(event_ids)) if event_ids else []
        return {row[1]: (row[0], Event._make(row[1:])) for row in rows}

    def append_results(self, events: Sequence[Event], is_new: Sequence[bool]) -> list[AppendResult]:
        """The result of each event under its owner's id; the new ones are stored already, in this transaction."""
        if all(is_new):
            return [*is_new]
        stored = self.stored_events({event.event_id for event, new in zip(events, is_new, strict=True) if not new})
        owner_ids = self.event_owner_ids(event.user_id for _, event in stored.values())  # a merge may still move them
        return [
            new or repetition_result(event, _owned(stored[event.event_id][1], owner_ids))
            for event, new in zip(events, is_new, strict=True)
        ]

    @abstractmethod
    def replace_events(self, changes: Sequence[tuple[int, Event, Event]]) -> None:
        """Stores other contents: seq, the event as it is stored, and as it is from now on."""

    @abstractmethod
    def put_documents(self, documents: Mapping[str, bytes]) -> None:
        """Stores or replaces the records of customers."""

    @abstractmethod
    def put_item_documents(self, documents: Mapping[str, bytes]) -> None:
        """Stores or replaces items, each with the next revision."""

    def change_items(self, item_ids: Collection[str], change: Callable[[Item], Item]) -> None:
        """See `Store.change_items`."""
        rows = self.rows(f"{_ITEMS} ({self.TEXTS})", json_array(item_ids))
        items = [change(parse_item(document)) for (document,) in rows]
        self.put_item_documents({item.item_id: item_document(item) for item in items})

    @abstractmethod
    def put_receipt(self, receipt: Receipt) -> None:
        """Stores or replaces it."""

    @abstractmethod
    def delete_events(self, user_id: str, limit: int | None = None) -> int:
        """Deletes the oldest ones."""

    @abstractmethod
    def delete_seqs(self, seqs: Sequence[int]) -> None:
        """Deletes the events with these numbers."""

    def move_events(self, from_id: str, owner_id: str, limit: int) -> int:
        """Gives the oldest ones to the owner, and keeps for whom they were sent."""
        seqs = self.oldest_seqs(from_id, limit)
        self.execute(f"{_KEEP_SENT_AS} ({self._SEQS}) ON CONFLICT (event_id) DO NOTHING", (json_array(seqs),))
        self.move_seqs(from_id, owner_id, seqs)
        return len(seqs)

    @abstractmethod
    def move_seqs(self, from_id: str, owner_id: str, seqs: Sequence[int]) -> None:
        """Gives those events of from_id the owner's id and the next seqs; so readers of new events get them.

        Who gets an event back that was sent for them is no longer kept as whom it was sent for.
        """

    @abstractmethod
    def oldest_seqs(self, user_id: str, limit: int | None, until_seq: int = ANY_SEQ) -> list[int]:
        """The first events of the customer up to that seq."""

    @abstractmethod
    def sent_as_seqs(self, owner_id: str, user_ids: Sequence[str], limit: int) -> list[int]:
        """The first events of the owner that were sent for one of these ids."""

    def note_sent_as(self, events: Sequence[Event], owner_ids: Sequence[str], results: Sequence[AppendResult]) -> None:
        """Keeps for whom new events were sent that belong to another id.  results: of those that are not discarded."""
        kept = iter(results)
        for event, owner_id in zip(events, owner_ids, strict=True):
            if owner_id != DISCARDED and next(kept) is True and owner_id != event.user_id:
                self.execute(SENT_AS, (event.event_id, event.user_id))

    @abstractmethod
    def insert_facts(self, rows: Sequence[Row]) -> None:
        """Stores new facts, rows of `fact_table.COLUMNS`."""

    @abstractmethod
    def insert_members(self, rows: Sequence[MemberRow]) -> None:
        """Stores new members of a campaign."""

    @property
    def facts(self) -> FactTable:
        return FactTable(self)

    @property
    def campaigns(self) -> CampaignTable:
        return CampaignTable(self)

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
                self.facts.withdraw(user_id)
                self.campaigns.forget([user_id])
                self.set_owner(user_id, DISCARDED)

    def change_users(self, changes: Sequence[UserChange]) -> list[User]:
        """See `Store.change_users`."""
        known: dict[str, User] = {}
        after = []
        for change in changes:
            owner_id = self.owner_id(change.user_id) or change.user_id
            before = known.get(owner_id) or self.user(owner_id) or User(owner_id)
            known[owner_id] = self._stating_consent(change, before).apply_to(before)
            after.append(known[owner_id])
        self.put_users(after)
        return after

    def _stating_consent(self, change: UserChange, before: User) -> UserChange:
        """The change without answers that later ones have replaced; all its answers are stored with their date."""
        if not change.consent:
            return change
        is_dated = change.at_ms is not None or change.source is not None
        answers = {key: yes for key, yes in change.consent.items() if is_dated or before.consent.get(key) != yes}
        at_ms = int(self.rows(f"SELECT {self._NOW}")[0][0]) if change.at_ms is None else change.at_ms
        statements = list(consent_statements(before.user_id, answers, at_ms, change.source))
        self.facts.state_consents(statements)
        stale = {key for key, fact in zip(answers, statements, strict=True) if self.facts.has_newer_consent(fact)}
        return replace(change, consent={key: yes for key, yes in change.consent.items() if key not in stale})

    def begin_erasure(self, user_id: str, place: str) -> UnfinishedChange:
        """See `Store.begin_erasure`."""
        owner_id = self.owner_id(user_id) or user_id
        user_ids = {user_id, owner_id, *self.merged_ids(owner_id)}
        before = [
            change
            for change in self.unfinished()
            if change.receipt.kind != "unmerge" and not user_ids.isdisjoint(change.user_ids)
        ]
        user_ids.update(*(change.user_ids for change in before))
        self._end_all(change for change in before if change.receipt.kind == "merge")
        erasures = (change for change in before if change.receipt.kind == "erasure" and change.place == place)
        earlier = next(erasures, None)
        receipt = self.new_receipt("erasure", owner_id) if earlier is None else earlier.receipt
        self._end_all(erasures)
        counts = {"events": 0, "records": 0, **receipt.counts, "ids": len(user_ids)}
        change = UnfinishedChange(replace(receipt, counts=counts), sorted(user_ids), place)
        return self.erase_piece(self.put_change(self._erase_records(change)))

    def erase_piece(self, change: UnfinishedChange) -> UnfinishedChange:
        """Deletes the next events; the counts of the receipt say how many so far."""
        current = self.current_change(change)
        if current is None:
            return change
        n_events = 0
        for user_id in current.user_ids:
            n_events += self.delete_events(user_id, PIECE_ROWS - n_events)
        n_facts = 0
        for user_id in current.user_ids:
            n_facts += self.facts.delete(user_id, PIECE_ROWS - n_facts)
        return self.put_change(current.counting(events=n_events, **_if_any(facts=n_facts)))

    def count_erased(self, change: UnfinishedChange, counts: Mapping[str, int]) -> None:
        """See `Store.count_erased`."""
        current = self.current_change(change)
        if current is not None:
            self.put_change(current.counting(**counts))

    def end_erasure(self, change: UnfinishedChange) -> Receipt:
        """See `Store.end_erasure`."""
        current = self.current_change(change)
        if current is None:
            return self.stored_receipt(change)
        n_events = sum(self.delete_events(user_id) for user_id in current.user_ids)
        n_facts = sum(self.facts.delete(user_id, ALL_ROWS) for user_id in current.user_ids)
        return self.end_change(self._erase_records(current.counting(events=n_events, **_if_any(facts=n_facts))))

    def _erase_records(self, change: UnfinishedChange) -> UnfinishedChange:
        """Marks all ids as erased from now on, and deletes their records and merges."""
        seq = at_ms = n_users = 0
        for user_id in change.user_ids:
            seq, at_ms = self.add_tombstone(user_id, "erased")
            self.execute(_DROP_OLDER, (self.digest(user_id), seq))
            n_users += self.delete_user(user_id)
            self.delete_owner(user_id)
            self.execute(_DROP_MERGES, (user_id,))
        self.facts.forget_referrals(change.user_ids)
        n_campaigns = self.campaigns.forget(change.user_ids)
        for user_id in change.user_ids:
            self.execute(_SET_ERASED, (self.digest(user_id).hex(), at_ms))
            self.execute(DIGEST_SUBJECT, (self.digest(user_id).hex(), user_id))
        counted = change.counting(records=n_users, **_if_any(campaigns=n_campaigns))
        return replace(counted, receipt=replace(counted.receipt, seq=seq, at_ms=at_ms))

    def new_receipt(self, kind: ReceiptKind, user_id: str) -> Receipt:
        ((log_id,),) = self.rows(LOG_ID)
        return Receipt(secrets.token_hex(8), kind, self.digest(user_id).hex(), 0, 0, log_id=log_id)

    def unfinished(self) -> list[UnfinishedChange]:
        return [parse_change(document) for (document,) in self.rows(UNFINISHED)]

    def current_change(self, change: UnfinishedChange) -> UnfinishedChange | None:
        """The change as it is stored: two callers may work at it.  None when it has ended."""
        rows = self.rows("SELECT document FROM unfinished WHERE receipt_id = $1", change.receipt.receipt_id)
        return parse_change(rows[0][0]) if rows else None

    def put_change(self, change: UnfinishedChange) -> UnfinishedChange:
        self.execute(_PUT_UNFINISHED, (change.receipt.receipt_id, change.to_json().decode()))
        return change

    def _end_all(self, changes: Iterable[UnfinishedChange]) -> None:
        for change in changes:
            self.end_change(change)

    def end_change(self, change: UnfinishedChange) -> Receipt:
        self.execute("DELETE FROM unfinished WHERE receipt_id = $1", (change.receipt.receipt_id,))
        self.put_receipt(change.receipt)
        return change.receipt

    def stored_receipt(self, change: UnfinishedChange) -> Receipt:
        rows = self.rows(RECEIPT, change.receipt.receipt_id)
        return parse_receipt(rows[0][0]) if rows else change.receipt

    def rows(self, sql: str, *values: Any) -> list[Row]:
        rows: list[Row] = self.execute(sql, values).fetchall()
        return rows


def _if_any(**counts: int) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}


def _owned(event: Event, owner_ids: Mapping[str, str]) -> Event:
    return event._replace(user_id=owner_ids.get(event.user_id, event.user_id))


def json_array(texts: Iterable[Any]) -> str:
    return orjson.dumps(list(texts)).decode()

"""Store of a shop: event log, items and customers in one database, with the statements that all databases share.

Long reads go page by page: no transaction stays open between pages, so writers and clean-up never wait for a reader.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

from recsys.bundle import Manifest
from recsys.data.aged_events import AgedEvents
from recsys.data.audit import AuditTable
from recsys.data.entities import Item, User, UserChange
from recsys.data.events import Activity, Correction, Event
from recsys.data.lineage import (
    HEAD,
    IDENTITIES,
    NUMBERS,
    REVISION,
    IdentityCause,
    Lineage,
    LogIdentity,
    Watermark,
)
from recsys.data.runs import RunTable
from recsys.data.store.campaigns.campaign_store import CampaignStore
from recsys.data.store.identity import (
    DISCARDED,
    AppendResult,
    Identity,
    Receipt,
    Tombstone,
    UnfinishedChange,
    digest_user_id,
    parse_receipt,
)
from recsys.data.store.people.corrections import correct_events
from recsys.data.store.people.fact_store import FactStore
from recsys.data.store.people.held_texts import HeldTexts
from recsys.data.store.people.merge_store import MergeStore
from recsys.data.store.people.user_tables import (
    FIELDS,
    KNOWN_IDS,
    PIECE_ROWS,
    RECEIPT,
    USER,
    Row,
    UserTables,
    json_array,
)
from recsys.data.store.serialization import json_text, parse_item, parse_user
from recsys.data.store.validation import checked_columns

if TYPE_CHECKING:
    import polars as pl

PAGE_ROWS = 100_000
EVENT_PAGE_ROWS = 1_000
_FEW = "ORDER BY 1 LIMIT 500"


class Store(RunTable, AgedEvents, FactStore, HeldTexts, MergeStore, CampaignStore, AuditTable):
    """Events, items and customers in one database.  Every method raises `LogUnavailable` when it does not answer.

    Events get a sequence number (`seq`, from 1, in order of commit).  Every change of items gets the next revision; a
    deleted item stays as a tombstone (`deleted`).  SQLite and PostgreSQL both understand placeholders as $1.
    is_local: a read takes microseconds and may run on an event loop; otherwise it goes over a network.
    """

    is_local: ClassVar[bool]

    _SCAN = f"SELECT seq, {FIELDS} FROM events WHERE seq <= $1 AND seq > $2 ORDER BY seq LIMIT {PAGE_ROWS}"
    _ITEM_PAGES = "SELECT revision, document FROM items WHERE revision > $1 ORDER BY revision LIMIT 10000"
    _USER_PAGES = "SELECT user_id, document FROM users WHERE user_id > $1 ORDER BY user_id LIMIT 10000"
    _EVENT_OWNERS: ClassVar[str]  # parameter: after user_id; a page of the customers with events
    _HOLDING: ClassVar[str]  # parameter: a text
    _LIKE: ClassVar[str]  # parameter: a pattern, whose ASCII letters match in any case
    _TOMBSTONES = "SELECT seq, digest, at_ms, how FROM forgotten WHERE seq > $1 ORDER BY seq"
    _ITEMS: ClassVar[str]  # parameter: ids as a JSON array
    _ACTIVITY: ClassVar[str]  # parameters: user, after seq
    _EVENT_PAGES: ClassVar[str]  # parameters: user, after seq
    _USER_HEAD: ClassVar[str]
    _IDENTITY: ClassVar[str]  # parameters: user, digest; gives the heads of events and tombstones, and the owner
    _digest_key: bytes | None = None

    @abstractmethod
    def append(self, events: Sequence[Event]) -> list[AppendResult]:
        """Stores them durably before it returns: True if stored, False if the same event was there already.

        A `Conflict` if an event with that id and other content was there; it stays as it is.  None if the event is not
        kept: the customer does not consent to personalisation, or was erased after its time.  On an error none is
        stored.
        """

    @abstractmethod
    def user_events(self, user_id: str, *, after_seq: int = 0, newest: int = 1_000) -> list[Event]:
        """The customer's newest events with seq > after_seq, oldest first by (at_ms, seq)."""

    @abstractmethod
    def put_items(self, items: Sequence[Item]) -> int:
        """Stores or replaces them durably, all or none, and returns the new revision."""

    @abstractmethod
    def sweep(self, most_bytes: int | None = None) -> bool:
        """Overwrites the traces of deleted rows; True when it is clean.

        most_bytes: leaves storage that is larger, was swept within the last minute, or is in use.
        """

    @abstractmethod
    def may_sweep(self, most_bytes: int) -> bool:
        """Whether the storage is not larger than that, and was not swept within the last minute."""

    @abstractmethod
    def swept_until(self) -> int:
        """What was forgotten up to that seq has left no trace in the storage."""

    @abstractmethod
    def changed(self) -> bool:
        """Whether any process, also this one, wrote since the last call; True when that is expensive to find out."""

    @abstractmethod
    def draw_identity(self, cause: IdentityCause, *, before: str) -> None:
        """Gives the log a new identity, unless it has another than `before` by now."""

    @abstractmethod
    def refresh(self) -> None:
        """Opens the storage anew if it was copied, moved or replaced since it was opened."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connections; later calls raise `LogUnavailable`."""

    def scan(self, *, after_seq: int = 0, until_seq: int | None = None) -> "Iterator[pl.DataFrame]":
        """Events with after_seq < seq <= until_seq in order of seq, as frames of EVENT_SCHEMA of some 100,000 rows."""
        until = self.head() if until_seq is None else until_seq
        return map(_event_frame, self._pages(self._SCAN, after_seq, until))

    def lineage(self) -> Lineage:
        """The identity of the log, those before it, and its last numbers."""
        identities = tuple(map(LogIdentity._make, self._read(IDENTITIES)))
        ((seq, revision),) = self._read(NUMBERS)
        return Lineage(identities, Watermark(identities[-1].log_id, seq, revision))

    def watermark(self, manifest: Manifest) -> Watermark:
        """Up to where a release knows this log, see `Lineage.watermark`."""
        return self.lineage().watermark(manifest)

    def head(self) -> int:
        """seq of the last event or tombstone; 0 when there is neither."""
        return self._number(HEAD)

    def user_head(self, user_id: str) -> int:
        """seq of the customer's last event, 0 when there is none."""
        return self._number(self._USER_HEAD, user_id)

    def item(self, item_id: str) -> Item | None:
        """The item, tombstones included; None when it was never put."""
        rows = self._read("SELECT document FROM items WHERE item_id = $1", item_id)
        return parse_item(rows[0][0]) if rows else None

    def items(self, item_ids: Sequence[str]) -> list[Item]:
        """Those of the items that were ever put, tombstones included."""
        rows = self._read(self._ITEMS, json_array(item_ids)) if item_ids else []
        return [parse_item(document) for (document,) in rows]

    def items_since(self, revision: int) -> Iterator[Item]:
        """Every item, tombstones included, that changed after that revision, in order of change."""
        return (parse_item(document) for rows in self._pages(self._ITEM_PAGES, revision) for _, document in rows)

    def items_holding(self, text: str) -> Iterator[list[Item]]:
        """The items whose JSON holds that piece, see `json_text`, page by page."""
        pages = self._pages(f"SELECT revision, document FROM items {self._HOLDING} AND revision > $2 {_FEW}", 0, text)
        return ([parse_item(document) for _, document in rows] for rows in pages)

    def items_with_word(self, word: str) -> list[Item]:
        """The items whose JSON holds the word in small, capital or title letters (ASCII: in any)."""
        forms = [word] if word.isascii() else [*dict.fromkeys((word, word.lower(), word.upper(), word.title()))]
        patterns = ["%" + re.sub(r"([\\%_])", r"\\\1", json_text(form)) + "%" for form in forms]
        statement = f"SELECT revision, document FROM items {self._LIKE} AND revision > $2 {_FEW}"
        pages = chain.from_iterable(self._pages(statement, 0, pattern) for pattern in patterns)
        document_by_revision = {revision: document for rows in pages for revision, document in rows}
        return [parse_item(document) for document in document_by_revision.values()]

    def users_holding(self, text: str) -> Iterator[list[User]]:
        """The records of customers whose JSON holds that piece, page by page."""
        pages = self._pages(f"SELECT user_id, document FROM users {self._HOLDING} AND user_id > $2 {_FEW}", "", text)
        return ([parse_user(document) for _, document in rows] for rows in pages)

    def change_items(self, item_ids: Sequence[str], change: Callable[[Item], Item]) -> None:
        """Replaces those items by what `change` makes of each, in one transaction with their reads."""
        with self._user_tables(len(item_ids)) as tables:
            tables.change_items(item_ids, change)

    def item_revision(self) -> int:
        """The last revision, 0 when nothing was ever put."""
        return self._number(REVISION)

    def user(self, user_id: str) -> User | None:
        """The customer, or None."""
        rows = self._read(USER, user_id)
        return parse_user(rows[0][0]) if rows else None

    def users(self) -> Iterator[User]:
        """All of them, in order of user_id."""
        return (parse_user(document) for rows in self._pages(self._USER_PAGES, "") for _, document in rows)

    def event_owner_ids(self) -> Iterator[str]:
        """The ids of the customers who own an event, each once, in order."""
        return (user_id for rows in self._pages(self._EVENT_OWNERS, "") for (user_id,) in rows)

    def correct(self, corrections: Sequence[Correction]) -> list[AppendResult]:
        """Replaces stored events, durably, all or none: True if changed, False if equal to what is stored.

        None if no event with the old id is stored, or the customer does not consent.  An event keeps its seq, its
        request_id, and the customer it was merged into.  A `Conflict` if another event has the new id; both stay as
        they are.
        """
        checked_columns([event for _, event in corrections])
        with self._user_tables(len(corrections)) as tables:
            return correct_events(tables, corrections)

    def put_users(self, users: Sequence[User]) -> None:
        """Stores or replaces them durably, all or none.

        Events of a customer who does not consent to personalisation are deleted, and later ones are not kept.  An id
        that was merged into another has no record of its own and is left out.
        """
        with self._user_tables(len(users)) as tables:
            tables.put_users(users)

    def change_users(self, changes: Sequence[UserChange]) -> list[User]:
        """Applies the changes in order, in one transaction with their reads, and returns each customer after it.

        The change of an id that was merged into another applies to that other one.
        """
        with self._user_tables(len(changes)) as tables:
            return tables.change_users(changes)

    def identity(self, user_id: str) -> Identity:
        """The customer behind the id as the store knows them now."""
        rows = self._read(self._IDENTITY, user_id, self.digest(user_id))
        if not rows:
            return Identity(user_id)
        last, forgotten, owner_id = rows[0]
        if owner_id:
            return self.identity(owner_id)
        return Identity(user_id, owner_id is None, max(last, forgotten), forgotten)

    def erase_user(self, user_id: str) -> Receipt:
        """Deletes all data of the customer and of the ids merged into it, piece by piece.

        From the first piece on nobody may use any of it.  After an error a second call goes on.
        """
        return self.end_erasure(self.erase_events(self.begin_erasure(user_id)))

    def begin_erasure(self, user_id: str, place: str = "") -> UnfinishedChange:
        """Marks all ids of the customer as erased, and keeps the list of them until `end_erasure`.

        An erasure of one of them that did not end goes on with all its ids, and under its receipt at the same place.
        """
        self._finish_unmerges()
        with self._user_tables(PIECE_ROWS) as tables:
            return tables.begin_erasure(user_id, place)

    def erase_events(self, change: UnfinishedChange) -> UnfinishedChange:
        """Deletes the events of all ids, in transactions of a few milliseconds."""
        return self._in_pieces(change, lambda tables, change: tables.erase_piece(change))

    def count_erased(self, change: UnfinishedChange, **counts: int) -> None:
        """Adds what was erased in other places to the counts of its receipt."""
        with self._user_tables(1) as tables:
            tables.count_erased(change, counts)

    def end_erasure(self, change: UnfinishedChange) -> Receipt:
        """Deletes what came meanwhile and the list of ids, and stores the receipt.

        What was learnt or logged before that moment counts as erased.
        """
        with self._user_tables(PIECE_ROWS) as tables:
            return tables.end_erasure(change)

    def erased_digests(self) -> set[str]:
        """The digests of all customers who were ever erased, as hex."""
        return {*self.erased_times()}

    def erased_times(self, since_ms: int = -1) -> dict[str, int]:
        """When each of them was erased last, Unix ms; those that were since then."""
        return dict(self._read("SELECT digest, at_ms FROM erased WHERE at_ms >= $1", since_ms))

    def note_erased(self, times: Mapping[str, int]) -> None:
        """Marks customers as erased at those times, as another store with the same key of digests knows them."""
        with self._user_tables(len(times)) as tables:
            tables.note_erased(times)

    def known_ids(self) -> Iterator[str]:
        """Every id of a customer that the store holds."""
        return (user_id for (user_id,) in self._read_page(KNOWN_IDS))

    def event_pages(self, user_id: str) -> Iterator[list[Event]]:
        """All events of the customer in order of seq, page by page."""
        return ([Event._make(row[1:]) for row in rows] for rows in self._pages(self._EVENT_PAGES, 0, user_id))

    def user_activity(self, user_id: str) -> Activity:
        """The same as columns, and without what a card does not need."""
        return Activity.from_rows(self._read_page(self._ACTIVITY, user_id, 0))

    def tombstones_since(self, seq: int) -> list[Tombstone]:
        """The tombstones after that seq, in order."""
        return list(map(Tombstone._make, self._read(self._TOMBSTONES, seq)))

    def drop_tombstones(self, until_seq: int) -> None:
        """Deletes tombstones that no release needs any more: those up to that seq, except the last one of all."""
        with self._user_tables(1) as tables:
            tables.drop_tombstones(until_seq)

    def drop_merges_holding(self, text: str) -> None:
        """Deletes records of merges whose JSON holds that piece, see `json_text`: those cannot be taken back."""
        with self._user_tables(1) as tables:
            tables.execute(f"DELETE FROM merges {self._HOLDING}", (text,))

    def digest(self, user_id: str) -> bytes:
        """The digest of the id in a `Tombstone` and, as hex, in a `Receipt`."""
        if self._digest_key is None:
            self._digest_key = bytes(self._read("SELECT key FROM digest_key")[0][0])
        return digest_user_id(user_id, self._digest_key)

    def _begin_expiry(self) -> None:
        with self._user_tables(1) as tables:
            tables.add_tombstone(DISCARDED, "expired")

    def _delete_events(self, seqs: Sequence[int]) -> None:
        with self._user_tables(len(seqs)) as tables:
            tables.delete_seqs(seqs)

    def put_receipt(self, receipt: Receipt) -> None:
        """Stores or replaces it."""
        with self._user_tables(1) as tables:
            tables.put_receipt(receipt)

    def receipts(self) -> list[Receipt]:
        """All receipts, in order of their ids."""
        return [
            parse_receipt(document) for (document,) in self._read("SELECT document FROM receipts ORDER BY receipt_id")
        ]

    def receipt(self, receipt_id: str) -> Receipt | None:
        """That receipt, or None."""
        rows = self._read(RECEIPT, receipt_id)
        return parse_receipt(rows[0][0]) if rows else None

    def _pages(self, sql: str, after: Any, *values: Any) -> Iterator[list[Row]]:
        """Rows page by page; the first column is the key that the next page starts after, the last parameter."""
        while rows := self._read_page(sql, *values, after):
            yield rows
            after = rows[-1][0]

    def _number(self, sql: str, *values: object) -> int:
        rows = self._read(sql, *values)
        return int(rows[0][0]) if rows else 0

    def _read_page(self, sql: str, *values: Any) -> list[Row]:
        """The same for many rows, which may take longer."""
        return self._read(sql, *values)

    @abstractmethod
    def _user_tables(self, n_rows: int) -> AbstractContextManager[UserTables]:
        """The tables of customers in one durable transaction that writes about so many rows."""


def _event_frame(rows: Sequence[Row]) -> "pl.DataFrame":
    """Rows of (seq, *Event) as one frame of EVENT_SCHEMA."""
    import polars as pl  # here, not above: the service reads events and never makes a frame

    from recsys.data.events import EVENT_SCHEMA

    named = enumerate(EVENT_SCHEMA.items(), 1)
    return pl.DataFrame([pl.Series(name, list(map(itemgetter(at), rows)), dtype) for at, (name, dtype) in named])

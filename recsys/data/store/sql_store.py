"""SQL store: the methods of a `Store` that are the same in SQLite and PostgreSQL.

Long reads go page by page: no transaction stays open between pages, so writers and clean-up never wait for a reader.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

from recsys.data.entities import Item, User, UserChange
from recsys.data.events import Correction, Event
from recsys.data.store import user_changes
from recsys.data.store.identity import Identity, Receipt, Tombstone, digest_user_id, parse_receipt
from recsys.data.store.user_tables import FIELDS, HEAD, MERGED_IDS, USER, Row, UserTables
from recsys.data.store.validation import checked_columns, parse_item, parse_user
from recsys.errors import BadInput

if TYPE_CHECKING:
    import polars as pl

REVISION = "SELECT coalesce(max(revision), 0) FROM items"
PAGE_ROWS = 100_000
ROWS_OF_A_CUSTOMER = 5_000  # a merge or an erasure writes about as many


class SqlStore(ABC):
    """Reads by statements that both databases understand, also their placeholders ($1); changes by `UserTables`.

    The first column of a page is the key of the row; the next page starts after the last key.
    """

    _SCAN = f"SELECT seq, {FIELDS} FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT {PAGE_ROWS}"
    _ITEM_PAGES = "SELECT revision, document FROM items WHERE revision > $1 ORDER BY revision LIMIT 10000"
    _USER_PAGES = "SELECT user_id, document FROM users WHERE user_id > $1 ORDER BY user_id LIMIT 10000"
    _TOMBSTONES = "SELECT seq, digest, at_ms, how FROM forgotten WHERE seq > $1 ORDER BY seq"
    _EVENT_PAGES: ClassVar[str]  # parameters: user, after seq
    _USER_HEAD: ClassVar[str]
    _IDENTITY: ClassVar[str]  # parameters: user, digest; gives the heads of events and tombstones, and the owner
    _digest_key: bytes | None = None

    def scan(self, *, after_seq: int = 0, until_seq: int | None = None) -> "Iterator[pl.DataFrame]":
        until = self.head() if until_seq is None else until_seq
        return map(_event_frame, _pages(lambda after: self._read_page(self._SCAN, after, until), after_seq))

    def head(self) -> int:
        return self._number(HEAD)

    def user_head(self, user_id: str) -> int:
        return self._number(self._USER_HEAD, user_id)

    def item(self, item_id: str) -> Item | None:
        rows = self._read("SELECT document FROM items WHERE item_id = $1", item_id)
        return parse_item(rows[0][0]) if rows else None

    def items_since(self, revision: int) -> Iterator[Item]:
        rows_by_page = _pages(lambda after: self._read_page(self._ITEM_PAGES, after), revision)
        return (parse_item(document) for rows in rows_by_page for _, document in rows)

    def item_revision(self) -> int:
        return self._number(REVISION)

    def user(self, user_id: str) -> User | None:
        rows = self._read(USER, user_id)
        return parse_user(rows[0][0]) if rows else None

    def users(self) -> Iterator[User]:
        rows_by_page = _pages(lambda after: self._read_page(self._USER_PAGES, after), "")
        return (parse_user(document) for rows in rows_by_page for _, document in rows)

    def correct(self, corrections: Sequence[Correction]) -> list[bool | None]:
        checked_columns([event for _, event in corrections])
        with self._user_tables(len(corrections)) as tables:
            return user_changes.correct_events(tables, corrections)

    def put_users(self, users: Sequence[User]) -> None:
        with self._user_tables(len(users)) as tables:
            user_changes.put_users(tables, users, self.digest)

    def change_users(self, changes: Sequence[UserChange]) -> list[User]:
        with self._user_tables(len(changes)) as tables:
            return user_changes.change_users(tables, changes, self.digest)

    def identity(self, user_id: str) -> Identity:
        rows = self._read(self._IDENTITY, user_id, self.digest(user_id))
        if not rows:
            return Identity(user_id)
        last, forgotten, owner_id = rows[0]
        if owner_id:
            return self.identity(owner_id)
        return Identity(user_id, owner_id is None, max(last, forgotten), forgotten)

    def merged_ids(self, user_id: str) -> list[str]:
        return [merged_id for (merged_id,) in self._read(MERGED_IDS, user_id)]

    def merge_users(self, from_id: str, into_id: str) -> Receipt | None:
        if from_id == into_id:
            raise BadInput(f"from and into are both {into_id!r:.80}; name two ids of one customer")
        with self._user_tables(ROWS_OF_A_CUSTOMER) as tables:
            return user_changes.merge_users(tables, from_id, into_id, self.digest)

    def erase_user(self, user_id: str) -> Receipt:
        with self._user_tables(ROWS_OF_A_CUSTOMER) as tables:
            return user_changes.erase_user(tables, user_id, self.digest)

    def event_pages(self, user_id: str) -> Iterator[list[Event]]:
        rows_by_page = _pages(lambda after: self._read_page(self._EVENT_PAGES, user_id, after), 0)
        return ([Event._make(row[1:]) for row in rows] for rows in rows_by_page)

    def tombstones_since(self, seq: int) -> list[Tombstone]:
        return list(map(Tombstone._make, self._read(self._TOMBSTONES, seq)))

    def drop_tombstones(self, until_seq: int) -> None:
        with self._user_tables(1) as tables:
            tables.drop_tombstones(until_seq)

    def digest(self, user_id: str) -> bytes:
        if self._digest_key is None:
            self._digest_key = bytes(self._read("SELECT key FROM digest_key")[0][0])
        return digest_user_id(user_id, self._digest_key)

    def put_receipt(self, receipt: Receipt) -> None:
        with self._user_tables(1) as tables:
            tables.put_receipt(receipt)

    def receipt(self, receipt_id: str) -> Receipt | None:
        rows = self._read("SELECT document FROM receipts WHERE receipt_id = $1", receipt_id)
        return parse_receipt(rows[0][0]) if rows else None

    def _number(self, sql: str, *values: object) -> int:
        rows = self._read(sql, *values)
        return int(rows[0][0]) if rows else 0

    @abstractmethod
    def _read(self, sql: str, *values: Any) -> list[Row]:
        """The rows; none for a text that the database cannot hold.  Raises LogUnavailable."""

    def _read_page(self, sql: str, *values: Any) -> list[Row]:
        """The same for many rows, which may take longer."""
        return self._read(sql, *values)

    @abstractmethod
    def _user_tables(self, n_rows: int) -> AbstractContextManager[UserTables]:
        """The tables of customers in one durable transaction that writes about so many rows."""


def _pages(fetch: Callable[[Any], list[Row]], after: Any) -> Iterator[list[Row]]:
    """Rows page by page; the first column is the key that the next page starts after."""
    while rows := fetch(after):
        yield rows
        after = rows[-1][0]


def _event_frame(rows: Sequence[Row]) -> "pl.DataFrame":
    """Rows of (seq, *Event) as one frame of EVENT_SCHEMA."""
    import polars as pl  # here, not above: the service reads events and never makes a frame

    from recsys.data.events import EVENT_SCHEMA

    named = enumerate(EVENT_SCHEMA.items(), 1)
    return pl.DataFrame([pl.Series(name, list(map(itemgetter(at), rows)), dtype) for at, (name, dtype) in named])

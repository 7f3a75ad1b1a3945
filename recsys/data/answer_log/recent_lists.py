"""Recent lists of a customer, read from the answer log while workers write to it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import orjson

from recsys.data.store.sqlite_connection import unavailable

MAX_LISTS = 30
MAX_ITEMS = 500  # of all lists together; older lists are left out
BUSY_MS = 20  # lock timeout; only `recsys sweep` locks the file, while it rewrites it

# Only the last few: the index by customer is in the order of writing, not of time.
_LAST = """
SELECT request_id, last.at_ms, items FROM (
    SELECT rowid AS place, request_id, at_ms, list FROM shown WHERE user_id = ?1 ORDER BY rowid DESC LIMIT ?3
) AS last JOIN lists USING(list) WHERE last.at_ms > ?2 ORDER BY place DESC
"""
_HAS_TABLES = "SELECT count(*) = 2 FROM sqlite_schema WHERE type = 'table' AND name IN ('lists', 'shown')"


class RecentList(NamedTuple):
    """An answer that a customer got: its request id, when (Unix ms), and the items of all its rows."""

    request_id: str
    at_ms: int
    items: tuple[str, ...]


class RecentListReader:
    """Reads the answer log of one home.  One thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection | None = None

    def read(self, user_ids: Iterable[str], after_ms: int) -> list[RecentList]:
        """The last lists shown to these ids after that moment; none without a log.  Raises LogUnavailable."""
        try:
            connection = self._opened()
            if connection is None:
                return []
            return [recent for user_id in user_ids for recent in _last_lists(connection, user_id, after_ms)]
        except apsw.Error as error:
            self.close()
            raise unavailable(self._path, error) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close(True)
            self._connection = None

    def _opened(self) -> apsw.Connection | None:
        """None while the file or its tables do not exist."""
        if self._connection is None and self._path.exists():
            connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
            connection.set_busy_timeout(BUSY_MS)
            if connection.execute(_HAS_TABLES).get:
                self._connection = connection
            else:
                connection.close(True)
        return self._connection


def newest_lists(lists: Iterable[RecentList]) -> list[RecentList]:
    """The newest lists, newest first.  Removes duplicates: a queued list may already be stored."""
    unique = {(recent.at_ms, recent.request_id): recent for recent in lists}
    ordered = sorted(unique.values(), key=lambda recent: recent.at_ms, reverse=True)
    return list(_first_lists(ordered[:MAX_LISTS]))


def answer_items(answer: bytes) -> tuple[str, ...]:
    """The items of all rows of an answer, given as its JSON."""
    body: dict[str, Any] = orjson.loads(answer)
    lists: Sequence[dict[str, Any]] = body.get("rows", (body,))
    return tuple(item["item_id"] for part in lists for item in part["items"])


def _last_lists(connection: apsw.Connection, user_id: str, after_ms: int) -> Iterable[RecentList]:
    rows = connection.execute(_LAST, (user_id, after_ms, MAX_LISTS)).fetchall()
    return _first_lists(
        RecentList(str(request_id), int(str(at_ms)), tuple(row[3] for row in orjson.loads(str(items))))
        for request_id, at_ms, items in rows
    )


def _first_lists(lists: Iterable[RecentList]) -> Iterator[RecentList]:
    """The first lists, until they hold MAX_ITEMS."""
    n_items = 0
    for recent in lists:
        if n_items >= MAX_ITEMS:
            return
        n_items += len(recent.items)
        yield recent

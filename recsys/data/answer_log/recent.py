"""What a customer was shown last, read from the file of what was shown: few lists, at once, beside whoever writes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import orjson

from recsys.data.store.sqlite_connection import unavailable

MOST_LISTS = 30
MOST_PLACES = 500  # of lists longer than that together the older ones are left out
BUSY_MS = 20  # readers wait for nobody but who makes the file anew

# Of the last few only: an index holds who was shown what in the order in which it was written, not by time.
LAST = """
SELECT request_id, last.at_ms, items FROM (
    SELECT rowid AS place, request_id, at_ms, list FROM shown WHERE user_id = ?1 ORDER BY rowid DESC LIMIT ?3
) AS last JOIN lists USING(list) WHERE last.at_ms > ?2 ORDER BY place DESC
"""
IS_MADE = "SELECT count(*) = 2 FROM sqlite_schema WHERE type = 'table' AND name IN ('lists', 'shown')"


class RecentList(NamedTuple):
    """An answer somebody got: under which request id, when (Unix ms), and its items, those of all its rows."""

    request_id: str
    at_ms: int
    items: tuple[str, ...]


class RecentAnswerReader:
    """Reads the file of one home.  One thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection | None = None

    def of(self, user_ids: Iterable[str], after_ms: int) -> list[RecentList]:
        """The last lists shown to each of these after that moment; none where nothing was ever shown.

        Raises LogUnavailable.
        """
        try:
            connection = self._opened()
            if connection is None:
                return []
            return [found for one in user_ids for found in _of_one(connection, one, after_ms)]
        except apsw.Error as error:
            self.close()
            raise unavailable(self._path, error) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close(True)
            self._connection = None

    def _opened(self) -> apsw.Connection | None:
        """None where the file is not there, or somebody is only just making it."""
        if self._connection is None and self._path.exists():
            connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
            connection.set_busy_timeout(BUSY_MS)
            if connection.execute(IS_MADE).get:
                self._connection = connection
            else:
                connection.close(True)
        return self._connection


def newest(lists: Iterable[RecentList]) -> list[RecentList]:
    """Each of them once, the newest first, as many as count.  What waits to be written may be in the file already."""
    found = sorted({(one.at_ms, one.request_id): one for one in lists}.values(), key=lambda one: one[1], reverse=True)
    kept, n_places = [], 0
    for one in found[:MOST_LISTS]:
        if n_places >= MOST_PLACES:
            break
        kept.append(one)
        n_places += len(one.items)
    return kept


def items_of(answer: bytes) -> tuple[str, ...]:
    """The items of an answer as it left (JSON), those of all its rows."""
    told: dict[str, Any] = orjson.loads(answer)
    parts: Sequence[dict[str, Any]] = told.get("rows", (told,))
    return tuple(item["item_id"] for part in parts for item in part["items"])


def _of_one(connection: apsw.Connection, user_id: str, after_ms: int) -> Iterable[RecentList]:
    rows = connection.execute(LAST, (user_id, after_ms, MOST_LISTS)).fetchall()
    n_places = 0
    for request_id, at_ms, items in rows:
        if n_places >= MOST_PLACES:
            return
        one = RecentList(str(request_id), int(str(at_ms)), tuple(place[3] for place in orjson.loads(str(items))))
        n_places += len(one.items)
        yield one

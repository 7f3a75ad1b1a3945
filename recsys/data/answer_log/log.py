"""What was shown to whom, kept beside the event log: every answer with its items, their places and their chances.

Policies are judged from logs (Bottou et al. 2013), and a log that was not kept from the first day cannot be made up
for.  One SQLite file in the home, written in batches; it is no truth, so it may lose a moment, and it forgets.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import apsw
import orjson

from recsys.data.store.sqlite_bulk_insert import add_rows
from recsys.data.store.sqlite_connection import FOLD_PAGES, folds_log, unavailable
from recsys.errors import LogUnavailable
from recsys.time_units import DAY_MS, HOUR_MS

FILE = "shown.db"
BUSY_MS = 5_000
AT_ONCE = 16  # answers taken apart without a pause: a fraction of a millisecond
PIECE = 20_000  # rows that go at once when the old ones go
REMEMBER_FORGOTTEN_MS = HOUR_MS  # rows of a forgotten customer that a worker still held come in within that time

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lists(
    list INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, placement TEXT NOT NULL, model TEXT NOT NULL,
    fallback TEXT NOT NULL, items TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS shown(
    request_id TEXT NOT NULL, at_ms INTEGER NOT NULL, user_id TEXT, list INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS forgotten(user_digest BLOB NOT NULL, at_ms INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS shown_request ON shown(request_id);
CREATE INDEX IF NOT EXISTS shown_user ON shown(user_id) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS shown_time ON shown(at_ms);
CREATE INDEX IF NOT EXISTS shown_list ON shown(list);
CREATE INDEX IF NOT EXISTS lists_time ON lists(at_ms);
"""
_READ = """
SELECT request_id, shown.at_ms, user_id, model, fallback, items FROM shown JOIN lists USING(list) WHERE
"""


class LoggedAnswer(NamedTuple):
    """One answer that left: under which request id, when, to whom, and the JSON of it (of many the same)."""

    request_id: str
    at_ms: int
    user_id: str | None
    answer: bytes


class LoggedItem(NamedTuple):
    """One place of an answer.  row: 0 for a list, else which of its rows, from 1; position counts from 1.

    probability: with which it was chosen for that place; 1 where nothing was left to chance.
    """

    request_id: str
    at_ms: int
    user_id: str | None
    model_version: str
    fallback: str
    row: int
    placement: str
    position: int
    item_id: str
    source: str
    score: float
    probability: float


class AnswerLog:
    """The file in one home, shared by all its workers.  One thread at a time; every method raises LogUnavailable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: apsw.Connection | None = None

    def keep(self, showings: Sequence[LoggedAnswer], *, pause_s: float = 0.0) -> None:
        """Stores them, all or none; answers that are the same are stored once.  Not those of who was forgotten since.

        With a pause after every few of them the thread that answers hardly notices.
        ValueError when an answer is no JSON of ours.
        """
        number = {answer: n for n, answer in enumerate(dict.fromkeys(one.answer for one in showings))}
        lists = list(_lists(number, pause_s))
        with self._writing() as connection:
            showings = _of_the_remembered(connection, showings)
            if not showings:
                return
            first = connection.execute("SELECT coalesce(max(list), 0) + 1 FROM lists").get
            at_ms = max(one.at_ms for one in showings)
            add_rows(connection, "lists", [(n, at_ms, *told) for n, told in enumerate(lists, first)])
            add_rows(connection, "shown", [(*one[:3], first + number[one.answer]) for one in showings])

    def of_request(self, request_id: str) -> list[LoggedItem]:
        """What was shown under that id, a page may have asked for several lists."""
        return list(self._items("request_id = ? ORDER BY shown.rowid", (request_id,)))

    def of_user(self, user_id: str) -> Iterator[LoggedItem]:
        """All that is known to have been shown to that customer, oldest first."""
        return self._items("user_id = ? ORDER BY shown.rowid", (user_id,))

    def between(self, since_ms: int, until_ms: int) -> Iterator[LoggedItem]:
        """All that was shown from `since_ms` until before `until_ms`."""
        return self._items("shown.at_ms >= ? AND shown.at_ms < ? ORDER BY shown.at_ms", (since_ms, until_ms))

    def forget(self, user_id: str) -> int:
        """Removes every trace of that customer from the file, and returns how many answers those were.

        Freed pages are zeroed and the write-ahead log is cut; what a worker still holds in memory is refused later.
        """
        now = time.time_ns() // 1_000_000
        with self._writing() as connection:
            lists = connection.execute("SELECT DISTINCT list FROM shown WHERE user_id = ?", (user_id,)).fetchall()
            connection.execute("DELETE FROM shown WHERE user_id = ?", (user_id,))
            n_shown = connection.changes()
            unused = "DELETE FROM lists WHERE list = ?1 AND NOT EXISTS(SELECT 1 FROM shown WHERE shown.list = ?1)"
            connection.executemany(unused, lists)
            connection.execute("INSERT INTO forgotten VALUES(?, ?)", (_digest(user_id), now))
            connection.execute("DELETE FROM forgotten WHERE at_ms < ?", (now - REMEMBER_FORGOTTEN_MS,))
        self._cut_log()
        return n_shown

    def expire(self, before_ms: int) -> int:
        """Removes some of what was shown before that moment; how many answers: 0 when nothing older is left."""
        if not self.path.is_file():
            return 0
        with self._writing() as connection:
            old = f"SELECT rowid FROM shown WHERE at_ms < ? ORDER BY at_ms LIMIT {PIECE}"
            connection.execute(f"DELETE FROM shown WHERE rowid IN ({old})", (before_ms,))
            n_shown = connection.changes()
            unused = "at_ms < ? AND NOT EXISTS(SELECT 1 FROM shown WHERE shown.list = lists.list)"
            connection.execute(f"DELETE FROM lists WHERE {unused}", (before_ms,))
        return n_shown

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close(True)
            self._connection = None

    def _cut_log(self) -> None:
        try:
            is_busy, _, _ = self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        except apsw.Error as error:
            raise unavailable(self.path, error) from error
        if is_busy:
            raise LogUnavailable(f"{self.path}: somebody reads an old state for long; end that, and erase again")

    def _items(self, where: str, values: tuple[object, ...]) -> Iterator[LoggedItem]:
        try:
            for request_id, at_ms, user_id, model, fallback, items in self._opened().execute(_READ + where, values):
                for row, placement, *place in orjson.loads(items):
                    yield LoggedItem(request_id, at_ms, user_id, model, fallback, row, placement, *place)
        except apsw.Error as error:
            raise unavailable(self.path, error) from error

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        """One transaction; a connection that met an error is thrown away."""
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except apsw.Error as error:
            self.close()
            raise unavailable(self.path, error) from error

    def _opened(self) -> apsw.Connection:
        if self._connection is None:
            try:
                self._connection = _open(self.path)
            except apsw.Error as error:
                raise unavailable(self.path, error) from error
        return self._connection


def open_answer_log(home: Path) -> AnswerLog | None:
    """The log of that home; None where nothing was ever shown."""
    path = home / FILE
    return AnswerLog(path) if path.is_file() else None


def forget(home: Path, user_id: str) -> int:
    """Removes a customer from what was shown in that home; how many answers those were.  Raises LogUnavailable."""
    log = open_answer_log(home)
    if log is None:
        return 0
    try:
        return log.forget(user_id)
    finally:
        log.close()


def sweep(home: Path, most_bytes: int | None = None) -> bool:
    """Writes the file anew, without what deleted rows left in the gaps between others; True when that is done.

    Not a file that is larger than that, nor one that somebody reads for long.  Raises LogUnavailable.
    """
    path = home / FILE
    if not path.is_file():
        return True
    if most_bytes is not None and path.stat().st_size > most_bytes:
        return False
    try:
        connection = _open(path)
        try:
            connection.execute("VACUUM")
            return folds_log(connection)
        finally:
            connection.close(True)
    except apsw.Error as error:
        raise unavailable(path, error) from error


def cutoff(now_ms: int, days: int) -> int:
    """What was shown before that moment is too old to be kept."""
    return now_ms - days * DAY_MS


def _open(path: Path) -> apsw.Connection:
    if not path.parent.is_dir():
        raise LogUnavailable(f"{path.parent}: no such folder; make it, or give another --home")
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    # Zeroed, so that what is removed is gone from the disk; a crash of the machine may cost the last moment.
    connection.execute("PRAGMA secure_delete=ON; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL").fetchall()
    connection.execute(_SCHEMA)
    connection.wal_autocheckpoint(FOLD_PAGES)
    return connection


def _lists(answers: Iterable[bytes], pause_s: float) -> Iterator[tuple[str, str, str, str]]:
    """Placement, model, fallback and places (JSON) of each answer.  ValueError for one that is none."""
    for n, answer in enumerate(answers):
        if n % AT_ONCE == 0:
            time.sleep(pause_s)  # lets the thread that answers have the interpreter
        told = orjson.loads(answer)
        try:
            rows = told.get("rows")
            parts = [(0, told)] if rows is None else enumerate(rows, start=1)
            places = [place for row, part in parts for place in _places(row, part)]
            yield told.get("placement", ""), told["model_version"], told["fallback"], orjson.dumps(places).decode()
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no answer of ours: {error!r}") from error


def _places(row: int, part: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    placement = part["placement"]
    for item in part["items"]:
        chance = item.get("probability", 1.0)
        yield row, placement, item["rank"], item["item_id"], item["source"], item["score"], chance


def _of_the_remembered(connection: apsw.Connection, showings: Sequence[LoggedAnswer]) -> Sequence[LoggedAnswer]:
    found = connection.execute("SELECT user_digest, at_ms FROM forgotten ORDER BY at_ms").fetchall()
    forgotten = cast(dict[bytes, int], dict(found))  # type: ignore[arg-type]
    if not forgotten:
        return showings
    return [one for one in showings if one.user_id is None or one.at_ms > forgotten.get(_digest(one.user_id), -1)]


def _digest(user_id: str) -> bytes:
    return hashlib.blake2b(user_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()

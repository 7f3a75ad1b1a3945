"""Answer log: every answer that left, with its items, their positions and the probability of each choice.

Policies are evaluated from logs (Bottou et al. 2013), and nobody can add later what was not logged.  The log is one
SQLite file in the home, written in batches.  A crash may cost the last moment; old answers expire.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import apsw
import orjson

from recsys.data.store.identity import digest_user_id
from recsys.data.store.sqlite_bulk_insert import insert_rows
from recsys.data.store.sqlite_connection import CHECKPOINT_PAGES, make_database_private, translated_errors, truncate_wal
from recsys.errors import LogUnavailable
from recsys.time_units import HOUR_MS, MINUTE_MS, now_ms

ANSWER_LOG_FILE = "shown.db"
BUSY_MS = 5_000
ANSWERS_PER_PAUSE = 16  # answers parsed without a pause: a fraction of a millisecond
ROWS_PER_EXPIRY = 20_000
USERS_PER_PAGE = 1_000
CLOCK_SKEW_MS = MINUTE_MS
_END_OF_TIME = 2**62
REFUSE_ERASED_MS = HOUR_MS  # within that time a worker writes what it still held of a customer who was erased

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
_OF_USER = "FROM shown WHERE user_id = ? AND at_ms <= ?"
_READ = """
SELECT request_id, shown.at_ms, user_id, model, fallback, items FROM shown JOIN lists USING(list) WHERE
"""


class LoggedAnswer(NamedTuple):
    """One answer that left: its request id, when, to whom, and its JSON, which many answers may share."""

    request_id: str
    at_ms: int
    user_id: str | None
    answer: bytes


class LoggedItem(NamedTuple):
    """One item of an answer.  row: 0 for a list, else the number of the row, from 1; position counts from 1.

    probability: of this item being chosen for its position; 1 where nothing was left to chance.
    experiment, arm: in which the customer was, None for most.  team: of an interleaved list, the arm that picked it.
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
    experiment: str | None = None
    arm: str | None = None
    team: str | None = None


class AnswerLog:
    """The log of one home, shared by all its workers.  One thread at a time; every method raises LogUnavailable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: apsw.Connection | None = None

    def append(self, answers: Sequence[LoggedAnswer], *, pause_s: float = 0.0) -> None:
        """Stores them, all or none, without those of customers who were erased since.  Equal answers are stored once.

        A pause after every few answers leaves the interpreter to the thread that serves requests.
        Raises ValueError when an answer is not JSON of ours.
        """
        number = {body: n for n, body in enumerate(dict.fromkeys(answer.answer for answer in answers))}
        lists = list(_parse_answers(number, pause_s))
        with self._writing() as connection:
            answers = _without_erased(connection, answers)
            if not answers:
                return
            first = connection.execute("SELECT coalesce(max(list), 0) + 1 FROM lists").get
            at_ms = max(answer.at_ms for answer in answers)
            insert_rows(connection, "lists", [(n, at_ms, *row) for n, row in enumerate(lists, first)])
            insert_rows(connection, "shown", [(*answer[:3], first + number[answer.answer]) for answer in answers])

    def request_items(self, request_id: str) -> list[LoggedItem]:
        """The items shown under that id; a page may have asked for several lists."""
        return list(self._items("request_id = ? ORDER BY shown.rowid", (request_id,)))

    def user_items(self, user_id: str, since_ms: int = 0) -> Iterator[LoggedItem]:
        """The items shown to that customer from that moment on, oldest first."""
        return self._items("user_id = ? AND shown.at_ms >= ? ORDER BY shown.rowid", (user_id, since_ms))

    def items_between(self, since_ms: int, until_ms: int) -> Iterator[LoggedItem]:
        """The items shown from `since_ms` until before `until_ms`."""
        return self._items("shown.at_ms >= ? AND shown.at_ms < ? ORDER BY shown.at_ms", (since_ms, until_ms))

    def pages_of_users(self) -> Iterator[list[str]]:
        """The customers with an answer, page by page in order of their ids."""
        users = f"SELECT DISTINCT user_id FROM shown WHERE user_id > ? ORDER BY user_id LIMIT {USERS_PER_PAGE}"
        page: list[str] = [""]
        while page:
            with translated_errors(self.path):
                page = [str(user_id) for (user_id,) in self._opened().execute(users, (page[-1],)).fetchall()]
            yield page

    def delete_user(self, user_id: str, erased_ms: int | None = None) -> int:
        """Deletes the answers to that customer, and returns how many there were; see `overwrite_deleted`.

        What a worker still holds in memory is refused when it arrives.  erased_ms: when, if not now; then what is more
        than a minute younger (clocks differ) stays.
        """
        now = now_ms() if erased_ms is None else erased_ms
        theirs = (user_id, _END_OF_TIME if erased_ms is None else erased_ms + CLOCK_SKEW_MS)
        with self._writing() as connection:
            lists = connection.execute(f"SELECT DISTINCT list {_OF_USER}", theirs).fetchall()
            connection.execute(f"DELETE {_OF_USER}", theirs)
            n_shown = connection.changes()
            unused = "DELETE FROM lists WHERE list = ?1 AND NOT EXISTS(SELECT 1 FROM shown WHERE shown.list = ?1)"
            connection.executemany(unused, lists)
            connection.execute("INSERT INTO forgotten VALUES(?, ?)", (digest_user_id(user_id), now))
            connection.execute("DELETE FROM forgotten WHERE at_ms < ?", (now - REFUSE_ERASED_MS,))
        return n_shown

    def overwrite_deleted(self) -> None:
        """Cuts the write-ahead log, which may hold what was deleted; in the file SQLite overwrites it at once."""
        with translated_errors(self.path):
            is_clean = truncate_wal(self._opened())
        if not is_clean:
            raise LogUnavailable(f"{self.path}: a reader holds an old state for too long; end it, and erase again")

    def count_before(self, before_ms: int) -> int:
        """How many answers are older than that."""
        with translated_errors(self.path):
            return int(self._opened().execute("SELECT count(*) FROM shown WHERE at_ms < ?", (before_ms,)).get)

    def expire(self, before_ms: int) -> int:
        """Removes some of the answers before that moment, and returns how many; 0 when nothing older is left."""
        if not self.path.is_file():
            return 0
        with self._writing() as connection:
            old = f"SELECT rowid FROM shown WHERE at_ms < ? ORDER BY at_ms LIMIT {ROWS_PER_EXPIRY}"
            connection.execute(f"DELETE FROM shown WHERE rowid IN ({old})", (before_ms,))
            n_shown = connection.changes()
            unused = "at_ms < ? AND NOT EXISTS(SELECT 1 FROM shown WHERE shown.list = lists.list)"
            connection.execute(f"DELETE FROM lists WHERE {unused}", (before_ms,))
        return n_shown

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close(True)
            self._connection = None

    def _items(self, where: str, values: tuple[object, ...]) -> Iterator[LoggedItem]:
        with translated_errors(self.path):
            for request_id, at_ms, user_id, model, fallback, items in self._opened().execute(_READ + where, values):
                for row, placement, *place in orjson.loads(items):
                    yield LoggedItem(request_id, at_ms, user_id, model, fallback, row, placement, *place)

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        """One transaction; on any error it is rolled back, because the connection is closed."""
        connection = self._opened()
        try:
            with translated_errors(self.path):
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except BaseException:
            self.close()
            raise

    def _opened(self) -> apsw.Connection:
        if self._connection is None:
            self._connection = _open(self.path)
        return self._connection


def open_answer_log(home: Path) -> AnswerLog | None:
    """The log of that home; None where no answer was ever logged."""
    path = home / ANSWER_LOG_FILE
    return AnswerLog(path) if path.is_file() else None


def erase_from_answer_log(home: Path, user_id: str) -> int:
    """Removes every trace of a customer from the log of that home, and returns how many answers there were.

    Raises LogUnavailable.
    """
    n_shown = delete_from_answer_log(home, user_id)
    overwrite_deleted_answers(home)
    return n_shown


def delete_from_answer_log(home: Path, user_id: str) -> int:
    """The same without `overwrite_deleted_answers`."""
    log = open_answer_log(home)
    if log is None:
        return 0
    with closing(log):
        return log.delete_user(user_id)


def overwrite_deleted_answers(home: Path) -> None:
    """Overwrites what was deleted from the log of that home.  Raises LogUnavailable."""
    log = open_answer_log(home)
    if log is not None:
        with closing(log):
            log.overwrite_deleted()


def sweep_answer_log(home: Path, most_bytes: int | None = None) -> bool:
    """Writes the file anew, so that nothing of deleted rows is left; True when that is done.

    Leaves a file that is larger than that, or that somebody reads for long.  Raises LogUnavailable.
    """
    path = home / ANSWER_LOG_FILE
    if not path.is_file():
        return True
    if most_bytes is not None and path.stat().st_size > most_bytes:
        return False
    connection = _open(path)
    try:
        with translated_errors(path):
            connection.execute("VACUUM")
            return truncate_wal(connection)
    finally:
        connection.close(True)


def _open(path: Path) -> apsw.Connection:
    if not path.parent.is_dir():
        raise LogUnavailable(f"{path.parent}: no such folder; make it, or give another --home")
    make_database_private(path)
    with translated_errors(path):
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_MS)
        # secure_delete overwrites removed rows; with synchronous=NORMAL a crash of the machine may lose the last moment
        connection.execute("PRAGMA secure_delete=ON; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL").fetchall()
        connection.execute(_SCHEMA)
        connection.wal_autocheckpoint(CHECKPOINT_PAGES)
        return connection


def _parse_answers(answers: Iterable[bytes], pause_s: float) -> Iterator[tuple[str, str, str, str]]:
    """Placement, model, fallback and items (JSON) of each answer.  Raises ValueError for bytes that are no answer."""
    for n, answer in enumerate(answers):
        if n % ANSWERS_PER_PAUSE == 0:
            time.sleep(pause_s)  # the thread that serves requests gets the interpreter
        body = orjson.loads(answer)
        try:
            rows = body.get("rows")
            lists = [(0, body)] if rows is None else enumerate(rows, start=1)
            experiment = body.get("experiment")
            items = [item for row, part in lists for item in _parse_items(row, part, experiment)]
            yield body.get("placement", ""), body["model_version"], body["fallback"], orjson.dumps(items).decode()
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no answer of ours: {error!r}") from error


def _parse_items(
    row: int, part: Mapping[str, Any], experiment: Mapping[str, str] | None
) -> Sequence[tuple[object, ...]]:
    placement, items = part["placement"], part["items"]
    logged: list[tuple[object, ...]] = [
        (row, placement, item["rank"], item["item_id"], item["source"], item["score"], item.get("probability", 1.0))
        for item in items
    ]
    if experiment is None:
        return logged
    label = experiment["id"], experiment["arm"]
    return [(*entry, *label, item.get("team")) for entry, item in zip(logged, items, strict=True)]


def _without_erased(connection: apsw.Connection, answers: Sequence[LoggedAnswer]) -> Sequence[LoggedAnswer]:
    # A mark that lies ahead was made by a clock that was wrong: it would refuse answers to a new customer for long.
    latest_ms = now_ms() + CLOCK_SKEW_MS
    marks = "SELECT user_digest, at_ms FROM forgotten WHERE at_ms <= ? ORDER BY at_ms"
    rows = connection.execute(marks, (latest_ms,)).fetchall()
    erased_ms = cast(dict[bytes, int], dict(rows))  # type: ignore[arg-type]
    if not erased_ms:
        return answers
    return [
        answer
        for answer in answers
        if answer.user_id is None or answer.at_ms > erased_ms.get(digest_user_id(answer.user_id), -1)
    ]

"""Snapshot of a SQLite file: one moment of it, copied while others write.

The online backup of SQLite begins anew when somebody writes, unless its source holds a read transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from recsys.data.store.sqlite_connection import connect, make_database_private, translated_errors

PAGES_PER_STEP = 4_000  # 16 MB
BUSY_MS = 10_000


@contextmanager
def sqlite_snapshot(path: Path) -> Iterator[apsw.Connection]:
    """A connection that sees the file as it is now until the end.  Raises LogUnavailable."""
    with translated_errors(path):
        connection = connect(path, busy_ms=BUSY_MS, cache_kib=8_000)
        try:
            connection.execute("BEGIN; SELECT count(*) FROM sqlite_schema").fetchall()
            yield connection
        finally:
            connection.close(True)


def copy_snapshot(source: apsw.Connection, target: Path, report: Callable[[float], None]) -> None:
    """Copies the database of that snapshot to a new file.  report: gets the share that is done."""
    make_database_private(target)
    with closing(apsw.Connection(str(target))) as copy, copy.backup("main", source, "main") as backup:
        while not backup.done:
            backup.step(PAGES_PER_STEP)
            report(1 - backup.remaining / max(1, backup.page_count))


def is_in_use(path: Path) -> bool:
    """Whether another process has the database open; else its write-ahead log is moved into the file."""
    if not path.is_file():
        return False
    with closing(apsw.Connection(str(path))) as connection:
        try:
            connection.pragma("journal_mode", "delete")  # only who is alone may leave write-ahead logging
        except apsw.BusyError:
            return True
        except apsw.Error:  # damaged
            return False
    return False


def check_pages(path: Path) -> str | None:
    """The first fault in the structure of the file, None for a sound one."""
    with closing(apsw.Connection(str(path))) as connection:
        result = str(connection.execute("PRAGMA quick_check(1)").get)
    return None if result == "ok" else result

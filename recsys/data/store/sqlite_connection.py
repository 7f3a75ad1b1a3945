"""Connections to the SQLite file: schema, migrations, and error messages that say what to do."""

import ctypes
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from recsys.atomic_file import PRIVATE_FILE, make_private
from recsys.data import audit
from recsys.data.lineage import HEAD, IDENTITIES, bind_identity, place_of_file
from recsys.data.store import sqlite_user_index, sqlite_users
from recsys.data.store.campaigns import campaign_table
from recsys.data.store.people import fact_table
from recsys.data.store.sqlite_users import NOW
from recsys.errors import BadFile, LogUnavailable

log = logging.getLogger(__name__)

SCHEMA_VERSION = 16
APPLICATION_ID = 0x7265_6373  # "recs": tells our file from any other SQLite file
SYNCHRONOUS = "FULL"  # what was acknowledged survives a power cut
# Size of the write-ahead log, 64 MB, before a checkpoint.  A commit of many customers writes a page for each, and so
# does the next one; a rare checkpoint copies such a page once instead of each time: up to 1.7 times as fast.
CHECKPOINT_PAGES = 16_000
SWEEP_EVERY_MS = 60_000  # erasures in a row do not rewrite the file each time
N_BYTES = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"  # with the write-ahead log
RECENTLY_SWEPT = f"SELECT coalesce(max(at_ms), 0) > {NOW} - {SWEEP_EVERY_MS} FROM sweeps"
HURRY_MS = 200  # lock timeout of a rewrite that can wait for the next sweep
CACHED_STATEMENTS = 200  # prepared: each number of rows of a bulk insert is a statement of its own

# Ids have a table of their own, to which a batch adds them in sorted order: a third faster than a unique index, which
# random ids hit page by page.  Every append writes both tables in one transaction.
_LOG_IDENTITIES = """
CREATE TABLE log_identities(
    nth INTEGER PRIMARY KEY, log_id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, revision INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, cause TEXT NOT NULL, place TEXT NOT NULL
) STRICT;
"""
_RUNS = """
CREATE TABLE runs(
    run_id TEXT PRIMARY KEY, job TEXT NOT NULL, verdict TEXT NOT NULL, started_ms INTEGER NOT NULL,
    alive_ms INTEGER NOT NULL, document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_job ON runs(job, verdict, started_ms);
CREATE INDEX runs_by_time ON runs(started_ms);
"""
# due: the channels by which the end of a run is still to be notified, and when.
_NOTIFICATIONS = """
ALTER TABLE runs ADD COLUMN due TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN due_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_by_due ON runs(due_ms) WHERE due <> '';
"""
_DISCOUNTS = """
ALTER TABLE events ADD COLUMN discount REAL;
ALTER TABLE events ADD COLUMN coupon TEXT;
ALTER TABLE events ADD COLUMN campaign TEXT;
"""
_SCHEMA = f"""
CREATE TABLE events(
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, user_id TEXT NOT NULL, item_id TEXT NOT NULL,
    kind INTEGER NOT NULL, at_ms INTEGER NOT NULL, quantity REAL NOT NULL, price REAL, order_id TEXT, rating REAL,
    channel TEXT, request_id TEXT, discount REAL, coupon TEXT, campaign TEXT
) STRICT;
{sqlite_users.EVENT_IDS}
CREATE TABLE items(revision INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE, document BLOB NOT NULL) STRICT;
CREATE TABLE users(user_id TEXT PRIMARY KEY, document BLOB NOT NULL) STRICT, WITHOUT ROWID;
{sqlite_user_index.SCHEMA}
{sqlite_users.SCHEMA}
{sqlite_users.SWEEPS}
{_LOG_IDENTITIES}
{sqlite_users.ERASURES}
{_RUNS}
{_NOTIFICATIONS}
{fact_table.SQLITE_SCHEMA}{fact_table.SQLITE_COUPONS}
{sqlite_users.MERGES}
{campaign_table.SQLITE_SCHEMA}
{audit.SQLITE_SCHEMA}{audit.SQLITE_PEOPLE}
PRAGMA application_id={APPLICATION_ID};
PRAGMA user_version={SCHEMA_VERSION};
"""
# The statements that migrate from each earlier version to the next.
_MIGRATIONS = {
    1: f"{sqlite_user_index.SCHEMA}{sqlite_user_index.MIGRATION}",
    2: sqlite_users.SCHEMA,
    3: sqlite_users.SWEEPS,
    4: f"{_LOG_IDENTITIES} INSERT INTO log_identities VALUES(1, '', 0, 0, 0, 'made', '');",
    5: sqlite_users.ERASURES,
    6: sqlite_users.EVENT_IDS_MIGRATION,
    7: _RUNS,
    8: _NOTIFICATIONS,
    9: _DISCOUNTS,
    10: f"{fact_table.SQLITE_SCHEMA}{fact_table.SQLITE_CONSENTS}",
    11: sqlite_users.MERGES,
    12: campaign_table.SQLITE_SCHEMA,
    13: audit.SQLITE_SCHEMA,
    14: fact_table.SQLITE_COUPONS,
    15: f"{audit.SQLITE_PEOPLE}{audit.SQLITE_USES}",
}
_ADVICE: tuple[tuple[type[apsw.Error], str], ...] = (
    (apsw.FullError, "the disk is full; make room, then send again"),
    (apsw.ReadOnlyError, "the file may not be written; give this user write access to the file and its folder"),
    (apsw.PermissionsError, "access denied; give this user access to the file and its folder"),
    (apsw.BusyError, "another process holds the write lock for too long; end it or send again later"),
    (
        apsw.CantOpenError,
        "it cannot be opened; check that its folder exists, and give this user write access to all its files",
    ),
    (apsw.CorruptError, "the file is damaged; stop the service and restore a copy"),
    (apsw.NotADBError, "this is no SQLite file; move it away or restore a copy"),
    (apsw.IOError, "reading or writing the disk failed; check the disk and its free space, then send again"),
    (apsw.ConnectionClosedError, "the store was closed; open it again"),
)


def unavailable(path: Path, error: apsw.Error) -> LogUnavailable:
    """The error with a message that says what to do."""
    advice = next((words for kind, words in _ADVICE if isinstance(error, kind)), "see the cause")
    return LogUnavailable(f"{path}: {advice} ({type(error).__name__}: {error})")


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Raises errors of SQLite as `unavailable`."""
    try:
        yield
    except apsw.Error as error:
        raise unavailable(path, error) from error


def place_or_unavailable(path: Path) -> str:
    """The place of the file, see `place_of_file`.  Raises LogUnavailable."""
    try:
        return place_of_file(path)
    except OSError as error:
        raise LogUnavailable(f"{path}: {error.strerror}; restore a copy, or start again for an empty one") from error


def connect(path: Path, *, busy_ms: int, cache_kib: int) -> apsw.Connection:
    """An open connection to the file.  Raises apsw.Error."""
    connection = apsw.Connection(str(path), statementcachesize=CACHED_STATEMENTS)
    connection.set_busy_timeout(busy_ms)
    connection.execute(f"PRAGMA synchronous={SYNCHRONOUS}; PRAGMA secure_delete=ON; PRAGMA cache_size=-{cache_kib}")
    connection.wal_autocheckpoint(CHECKPOINT_PAGES)
    _keep_shared_memory(connection)
    return connection


def _keep_shared_memory(connection: apsw.Connection) -> None:
    """Leaves the files -shm, 32 KB, and -wal, empty, after the last process: no file can be made on a full disk.

    The limit of the write-ahead log, of a size that it rarely reaches, is what empties it at the end.
    """
    is_persistent = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(is_persistent))
    connection.execute(f"PRAGMA journal_size_limit={CHECKPOINT_PAGES * 4_200}").fetchall()


def make_database_private(path: Path) -> None:
    """Makes the file if missing, and it and its companions private; SQLite gives later companions the same mode."""
    with suppress(OSError):
        path.touch(PRIVATE_FILE)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        make_private(path.with_name(name))


def create_or_migrate(path: Path, *, busy_ms: int) -> None:
    """Makes the folder, the file and its tables if missing, or migrates them.  Raises LogUnavailable, BadFile."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LogUnavailable(f"{path.parent}: the folder cannot be made: {error.strerror}") from error
    make_database_private(path)
    try:
        connection = connect(path, busy_ms=busy_ms, cache_kib=2_000)
        try:
            _check_and_create(connection, path, busy_ms)
        finally:
            connection.close(True)
    except apsw.NotADBError as error:
        raise BadFile(f"{path}: this is no SQLite file; move it away or restore a copy") from error
    except apsw.Error as error:
        raise unavailable(path, error) from error


def sweep_file(path: Path, write_lock: threading.Lock, *, busy_ms: int, is_urgent: bool) -> bool:
    """Writes the file anew, so that nothing of deleted rows is left, and empties the write-ahead log; True when done.

    Writers wait meanwhile, some 20 s per GB.  is_urgent: waits long for others who read or write the file.
    """
    connection = connect(path, busy_ms=busy_ms, cache_kib=64_000)
    try:
        head = int(connection.execute(HEAD).get)
        now_ms = int(connection.execute(f"SELECT {NOW}").get)
        if not is_urgent:
            connection.set_busy_timeout(min(busy_ms, HURRY_MS))
        with write_lock:
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # most of the work, while others write
        with write_lock:
            is_done = truncate_wal(connection)
            if is_done:
                _note_sweep(connection, head, now_ms)
        return is_done
    except apsw.BusyError:
        if is_urgent:
            raise
        return False
    finally:
        connection.close(True)


def _note_sweep(connection: apsw.Connection, head: int, now_ms: int) -> None:
    connection.execute("BEGIN IMMEDIATE; DELETE FROM sweeps")
    connection.execute("INSERT INTO sweeps VALUES(?, ?)", (head, now_ms))
    connection.execute("COMMIT")


def truncate_wal(connection: apsw.Connection) -> bool:
    """Empties the write-ahead log; False if a reader of an old state takes longer than the connection waits."""
    (is_busy,) = (row[0] for row in connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    return not is_busy


def _check_and_create(connection: apsw.Connection, path: Path, busy_ms: int) -> None:
    _use_wal(connection, busy_ms / 1_000)
    if not _is_current(connection, path):
        connection.execute("BEGIN IMMEDIATE")
        if not _is_current(connection, path):
            connection.execute(_migration(connection.pragma("user_version")))
        connection.execute("COMMIT")
    _bind_identity(connection, path)


def _bind_identity(connection: apsw.Connection, path: Path) -> None:
    """Draws an identity for a new file and for a copy; on a full disk `SqliteStore` has one in memory."""
    place = place_or_unavailable(path)
    if connection.execute(f"SELECT place FROM ({IDENTITIES} DESC LIMIT 1)").get == place:
        return
    try:
        connection.execute("BEGIN IMMEDIATE")
        bind_identity(connection.execute, place)
        connection.execute("COMMIT")
    except (apsw.FullError, apsw.ReadOnlyError):
        log.info("log_identity_not_stored", extra={"path": str(path)})


def _migration(version: int) -> str:
    """The statements from the tables of that version to the current ones; version 0 is an empty file."""
    if version == 0:
        return _SCHEMA
    steps = (_MIGRATIONS[step] for step in range(version, SCHEMA_VERSION))
    return "".join((*steps, f"PRAGMA user_version={SCHEMA_VERSION};"))


def _use_wal(connection: apsw.Connection, timeout_s: float) -> None:
    """Turns on write-ahead logging.  SQLite fails at once while others open the same new file, so we wait here."""
    give_up = time.monotonic() + timeout_s
    while True:
        try:
            connection.pragma("journal_mode", "wal")
            return
        except apsw.BusyError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _is_current(connection: apsw.Connection, path: Path) -> bool:
    """True for current tables, False for an empty file or tables of an earlier build.  Raises BadFile for others."""
    version, owner = connection.pragma("user_version"), connection.pragma("application_id")
    if owner == APPLICATION_ID and version == SCHEMA_VERSION:
        return True
    if owner == APPLICATION_ID and version in _MIGRATIONS:
        return False
    if connection.execute("SELECT count(*) FROM sqlite_schema").get == 0 and version == owner == 0:
        return False
    if owner != APPLICATION_ID:
        raise BadFile(f"{path}: a SQLite file of another program; choose another folder")
    raise BadFile(f"{path}: schema {version}, this build reads {SCHEMA_VERSION}; use the newer build that wrote it")

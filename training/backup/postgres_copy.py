"""Copies of a log between PostgreSQL and a SQLite file: one moment of it, table by table, with the same rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import orjson
import psycopg

from recsys.data.store.people.user_tables import Row
from recsys.data.store.postgres import SCHEMA
from recsys.data.store.postgres_pool import CONNECT_S, PostgresConnection, unavailable
from recsys.data.store.sqlite_connection import create_or_migrate, translated_errors
from recsys.errors import BadFile, BadInput

REPLACED = "recsys_replaced_"  # and a moment: the schema of a log that a restored one replaced
BATCH_ROWS = 10_000
BUSY_MS = 10_000

# Tables that a SQLite file makes from the others, and the one by which each database knows the version of its schema.
_OWN = {"event_ids", "events_of_user", "new_of_user", "sweeps", "version"}
_DERIVED = """
DELETE FROM event_ids; DELETE FROM events_of_user; DELETE FROM new_of_user;
INSERT INTO event_ids SELECT event_id, seq FROM events ORDER BY event_id;
INSERT INTO events_of_user SELECT user_id, seq FROM events ORDER BY user_id, seq;
"""
_SQLITE_COLUMNS = """
SELECT name, (SELECT json_group_object(columns.name, columns.type) FROM pragma_table_info(tables.name) AS columns)
FROM sqlite_schema AS tables WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name
"""
_POSTGRES_COLUMNS = """
SELECT table_name, json_object_agg(column_name, data_type)
FROM information_schema.columns WHERE table_schema = 'recsys' GROUP BY table_name ORDER BY table_name
"""
_IS_USED = "SELECT EXISTS (SELECT FROM events) OR EXISTS (SELECT FROM items) OR EXISTS (SELECT FROM users)"
_IS_MADE = "SELECT to_regclass('recsys.events') IS NOT NULL"

Columns = Mapping[str, Mapping[str, str]]  # type of each column, by table
Report = Callable[[int], None]  # gets the rows so far


@contextmanager
def postgres_snapshot(url: str) -> Iterator[PostgresConnection]:
    """A connection that sees the log as it is now until the end.  Raises LogUnavailable."""
    with _connected(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SET LOCAL search_path TO recsys")
        connection.execute("SELECT FROM version").fetchall()  # the first query takes the snapshot
        yield connection


def copy_to_sqlite(snapshot: PostgresConnection, path: Path, report: Report) -> None:
    """Writes all rows of the snapshot into a new SQLite file, which is a log as SQLite keeps it."""
    create_or_migrate(path, busy_ms=BUSY_MS)
    with translated_errors(path), closing(apsw.Connection(str(path))) as target:
        target.execute("PRAGMA synchronous=OFF; BEGIN")  # a new file, which is synced when it is whole
        n_rows = 0
        for table, columns in _shared(_sqlite_columns(target), _postgres_columns(snapshot)).items():
            names, kinds, marks = ", ".join(columns), [*columns.values()], ", ".join("?" * len(columns))
            target.execute(f"DELETE FROM {table}")
            with snapshot.cursor(name="rows") as cursor:
                cursor.itersize = BATCH_ROWS
                cursor.execute(f"SELECT {names} FROM {table} ORDER BY 1".encode())
                for rows in _batches(cursor):
                    stored = [[*map(_as_stored, row, kinds)] for row in rows]
                    target.executemany(f"INSERT INTO {table}({names}) VALUES({marks})", stored)
                    n_rows += len(rows)
                    report(n_rows)
        target.execute(f"{_DERIVED} COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def copy_to_postgres(path: Path, url: str, report: Report, *, moment: str | None) -> str | None:
    """Writes all rows of the SQLite log into the database, all or none.

    moment: names the schema that a log which is there already gets, and which is returned; None refuses it by
    BadInput.  Raises LogUnavailable.
    """
    with _connected(url) as connection, closing(apsw.Connection(str(path))) as source:
        replaced = _move_aside(connection, moment)
        connection.execute(SCHEMA)
        if replaced is not None:  # the lock of the job that restores
            connection.execute(f"ALTER TABLE IF EXISTS {replaced}.job_lease SET SCHEMA recsys".encode())
        connection.execute("SET LOCAL search_path TO recsys")
        n_rows = 0
        for table, columns in _shared(_sqlite_columns(source), _postgres_columns(connection)).items():
            names = ", ".join(columns)
            text = [n for n, name in enumerate(columns) if name == "document"]
            connection.execute(f"DELETE FROM {table}".encode())
            with connection.cursor().copy(f"COPY {table}({names}) FROM STDIN".encode()) as copy:
                for row in source.execute(f"SELECT {names} FROM {table} ORDER BY 1"):
                    copy.write_row([_as_text(value) if n in text else value for n, value in enumerate(row)])
                    n_rows += 1
                    if n_rows % BATCH_ROWS == 0:
                        report(n_rows)
    return replaced


def _is_used(connection: PostgresConnection) -> bool:
    if not _value(connection, _IS_MADE):
        return False
    connection.execute("SET LOCAL search_path TO recsys")
    return bool(_value(connection, _IS_USED))


def _move_aside(connection: PostgresConnection, moment: str | None) -> str | None:
    if not _is_used(connection):
        return None
    if moment is None:
        raise BadInput("the database holds a log; restore into an empty one, or with --replace")
    name = f"{REPLACED}{moment}"
    connection.execute(f"ALTER SCHEMA recsys RENAME TO {name}".encode())
    return name


def _sqlite_columns(connection: apsw.Connection) -> Columns:
    return {table: orjson.loads(columns) for table, columns in connection.execute(_SQLITE_COLUMNS)}


def _postgres_columns(connection: PostgresConnection) -> Columns:
    return dict(connection.execute(_POSTGRES_COLUMNS).fetchall())


def _shared(sqlite: Columns, postgres: Columns) -> Columns:
    """The tables of both, with the columns in the order of SQLite, whose first is the key."""
    tables = {table: sqlite[table] for table in sqlite if table in postgres and table not in _OWN}
    for table, columns in tables.items():
        if columns.keys() != postgres[table].keys():
            raise BadFile(
                f"PostgreSQL: table {table} has other columns than in SQLite; upgrade the program that wrote it"
            )
    return tables


def _as_stored(value: Any, kind: str) -> Any:
    """SQLite keeps JSON as bytes where PostgreSQL keeps text."""
    return value.encode() if kind == "BLOB" and isinstance(value, str) else value


def _as_text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH_ROWS)):
        yield batch


@contextmanager
def _connected(url: str) -> Iterator[PostgresConnection]:
    """A connection in one transaction, without a limit of time."""
    try:
        with psycopg.connect(
            url, connect_timeout=CONNECT_S, application_name="recsys", client_encoding="utf8"
        ) as opened:
            yield opened
    except psycopg.Error as error:
        raise unavailable(error, url) from None


def _value(connection: PostgresConnection, sql: str) -> Any:
    row = connection.execute(sql.encode()).fetchone()
    return row[0] if row else None

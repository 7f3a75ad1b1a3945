"""Bulk insert into SQLite with few statements, because other threads run between any two statements."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import apsw

# The rest, fewer rows than the last of these, is one more statement.  Up to fifteen columns the text of the largest
# statement is short enough, 16,384 bytes, for apsw to cache it prepared.
ROWS_PER_STATEMENT = (480, 120, 30)


def insert_rows(connection: apsw.Connection, into: str, rows: Sequence[Sequence[Any]]) -> None:
    """Inserts the rows in their order, in a transaction that the caller rolls back if this raises apsw.Error.

    A thread that returns from SQLite waits for the interpreter while another thread computes.  With a statement per
    row, a busy event loop lets only three hundred rows pass in a second.
    """
    done = 0
    while done < len(rows):
        n_left = len(rows) - done
        n_rows = next((n_rows for n_rows in ROWS_PER_STATEMENT if n_rows <= n_left), n_left)
        values = tuple(chain.from_iterable(rows[done : done + n_rows]))
        connection.execute(_statement(into, len(rows[0]), n_rows), values)
        done += n_rows


@lru_cache(1_000)
def _statement(into: str, n_columns: int, n_rows: int) -> str:
    # OR FAIL: a statement that can be rolled back alone copies every page before it changes it.
    row = f"({','.join('?' * n_columns)})"
    return f"INSERT OR FAIL INTO {into} VALUES {','.join([row] * n_rows)}"

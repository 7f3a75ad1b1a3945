"""Many rows into a SQLite table with few statements: between any two the thread gives way to all others."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import apsw

# Rows a statement; what is left below the last goes in one of just as many.  Up to twelve columns the text of the
# widest stays short enough to be kept by apsw, prepared.
WIDTHS = (512, 128, 32)


def add_rows(connection: apsw.Connection, into: str, rows: Sequence[Sequence[Any]]) -> None:
    """Inserts all the rows in their order, within a transaction that the caller takes back if this raises apsw.Error.

    A thread that comes back from SQLite waits for the interpreter while another one computes: with
    one statement a row, a busy event loop lets three hundred of them through in a second.
    """
    done = 0
    while done < len(rows):
        width = _width(len(rows) - done)
        values = tuple(chain.from_iterable(rows[done : done + width]))
        connection.execute(_statement(into, len(rows[0]), width), values)
        done += width


def _width(n_left: int) -> int:
    return next((width for width in WIDTHS if width <= n_left), n_left)


@lru_cache(1_000)
def _statement(into: str, n_columns: int, width: int) -> str:
    # OR FAIL: a statement that can take itself back alone first copies every page it touches.
    row = f"({','.join('?' * n_columns)})"
    return f"INSERT OR FAIL INTO {into} VALUES {','.join([row] * width)}"

"""Many rows into a SQLite table with few statements: between any two the thread gives way to all others."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import apsw

WIDTHS = (64, 8, 1)  # rows a statement; each text is prepared once and kept


def add_rows(connection: apsw.Connection, into: str, rows: Sequence[Sequence[Any]], *, otherwise: str = "") -> None:
    """INSERT INTO `into` all the rows, in their order, `otherwise` being an ON CONFLICT clause.

    Raises apsw.Error.  A thread that comes back from SQLite waits for the interpreter while another one computes: with
    one statement a row, a busy event loop lets three hundred of them through in a second.
    """
    done = 0
    for width in WIDTHS:
        end = len(rows) - (len(rows) - done) % width
        if end > done:
            row = f"({', '.join('?' * len(rows[0]))})"
            statement = f"INSERT INTO {into} VALUES {', '.join([row] * width)} {otherwise}"
            connection.executemany(statement, _joined(rows[done:end], width))
            done = end


def _joined(rows: Sequence[Sequence[Any]], width: int) -> Iterator[tuple[Any, ...]]:
    return (tuple(chain.from_iterable(rows[at : at + width])) for at in range(0, len(rows), width))

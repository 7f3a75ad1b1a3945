"""However many rows there are, each is written once and in order."""

import apsw
import pytest

from recsys.data.sqlite_rows import WIDTHS, add_rows


def table() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE words(at INTEGER PRIMARY KEY, word TEXT UNIQUE)")
    return connection


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 63, 64, 65, 100, 200])
def test_all_rows_are_written_in_their_order(n: int) -> None:
    connection = table()
    add_rows(connection, "words(word)", [(f"word {at}",) for at in range(n)])
    rows = connection.execute("SELECT at, word FROM words ORDER BY at").fetchall()
    assert rows == [(at + 1, f"word {at}") for at in range(n)]


def test_what_is_there_already_can_be_left_alone() -> None:
    connection = table()
    add_rows(connection, "words", [(at, f"word {at}") for at in range(0, 90, 3)])
    add_rows(connection, "words", [(at, f"word {at}") for at in range(90)], otherwise="ON CONFLICT DO NOTHING")
    assert connection.execute("SELECT count(*), sum(at) FROM words").get == (90, sum(range(90)))


def test_a_hundred_rows_take_few_statements() -> None:
    connection = table()
    told: list[str] = []

    def note(_cursor: apsw.Cursor, statement: str, _values: object) -> bool:
        told.append(statement)
        return True

    connection.exec_trace = note
    add_rows(connection, "words", [(at, f"word {at}") for at in range(100)])
    assert len(told) < 10
    assert WIDTHS[-1] == 1

"""A bulk insert writes each row once and in order, with few statements."""

import apsw
import pytest

from recsys.data.store.sqlite_bulk_insert import insert_rows


def table() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE words(at INTEGER PRIMARY KEY, word TEXT UNIQUE)")
    return connection


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 127, 128, 300, 511, 512, 1_200])
def test_all_rows_are_written_in_their_order(n: int) -> None:
    connection = table()
    insert_rows(connection, "words(word)", [(f"word {at}",) for at in range(n)])
    rows = connection.execute("SELECT at, word FROM words ORDER BY at").fetchall()
    assert rows == [(at + 1, f"word {at}") for at in range(n)]


@pytest.mark.parametrize(("n", "n_statements"), [(1, 1), (13, 1), (100, 4), (1_600, 6)])
def test_many_rows_take_few_statements(n: int, n_statements: int) -> None:
    connection = table()
    statements: list[str] = []

    def note(_cursor: apsw.Cursor, statement: str, _values: object) -> bool:
        statements.append(statement)
        return True

    connection.exec_trace = note
    insert_rows(connection, "words", [(at, f"word {at}") for at in range(n)])
    assert len(statements) == n_statements


def test_the_widest_statement_is_kept_prepared() -> None:
    columns = [f"column_{at}" for at in range(15)]
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE wide({', '.join(columns)})")
    for _ in range(2):
        insert_rows(connection, f"wide({', '.join(columns)})", [(0,) * 15] * 480)
    assert connection.cache_stats()["hits"] == 1

"""A worker is ready soon, however long the log is."""

from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.api.conftest import opening_workers


def test_a_start_finds_what_it_needs_of_the_log_by_index(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = dict[str, Any]()

    def trace(connection: apsw.Connection) -> None:
        connection.exec_trace = lambda _cursor, sql, values: read.update({sql: values}) or True

    monkeypatch.setattr(apsw, "connection_hooks", [*apsw.connection_hooks, trace])
    with opening_workers(home) as open_worker:
        assert open_worker().get("/readyz").status_code == 200
    monkeypatch.undo()
    questions = {sql: values for sql, values in read.items() if sql.lstrip().startswith("SELECT")}
    assert any("events" in sql for sql in questions)
    with apsw.Connection(str(home / "shop.db")) as connection:
        plans = {sql: _plan(connection, sql, values) for sql, values in questions.items()}
    assert [sql for sql, plan in plans.items() if "SCAN event" in plan] == []


def _plan(connection: apsw.Connection, sql: str, values: Any) -> str:
    return "; ".join(row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))

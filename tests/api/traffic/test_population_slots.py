"""Slots for work over all customers, items or a whole document: a client gone before its turn gets none of it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

PLAN = {
    "id": "spring",
    "name": "Spring",
    "audience": {"where": {"orders": {"gte": 1}}},
    "offer": {"text": "10 % off"},
    "channel": "email",
    "starts": "2026-12-01T10:00:00Z",
    "reading": "2026-12-29T10:00:00Z",
}
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/customers:search", {}),
    ("POST", "/v1/segments:try", {"where": {"orders": {"gte": 1}}}),
    ("GET", "/v1/customers/summary", None),
    ("GET", "/v1/items:search?query=item", None),
    ("GET", "/v1/customers/changes?since=2026-01-01", None),
    ("GET", "/v1/promotions/loyalty", None),
    ("POST", "/v1/rules:try", {}),
    ("PUT", "/v1/rules", {}),
    ("POST", "/v1/promotions:try", {"promotions": {}}),
    ("PUT", "/v1/promotions", {}),
    ("PUT", "/v1/segments", {}),
    ("POST", "/v1/campaigns:try", PLAN),
    ("POST", "/v1/campaigns", PLAN),
    ("POST", "/v1/campaigns/spring:draw", {}),
]


@pytest.fixture
def busy(reader: TestClient) -> Iterator[TestClient]:
    """A worker all of whose slots are taken."""
    state = reader.app.app.state.app_state  # type: ignore[attr-defined]
    taken = [state.audience_slot, *2 * [state.population_slots], *2 * [state.document_slots]]
    assert reader.portal is not None
    for slots in taken:
        reader.portal.call(slots.acquire)
    yield reader
    for slots in taken:
        reader.portal.call(slots.release)


def n_routes_of_the_gone(client: TestClient) -> int:
    """Routes that a client left before its answer."""
    lines = client.get("/metrics").text.splitlines()
    return sum(line.startswith("recsys_requests_total{") and 'status="499"' in line for line in lines)


@pytest.mark.parametrize(("method", "url", "body"), REQUESTS, ids=[url for _, url, _ in REQUESTS])
def test_a_client_that_is_gone_gets_no_work_done(busy: TestClient, method: str, url: str, body: Any) -> None:
    path, _, query = url.partition("?")
    messages = iter([{"type": "http.request", "body": b"" if body is None else orjson.dumps(body)}])

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    async def send(_message: Any) -> None:
        pass

    headers = [(b"host", b"testserver"), (b"content-type", b"application/json")]
    scope = {"type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode()}
    scope |= {"query_string": query.encode(), "headers": headers, "scheme": "http", "root_path": ""}
    assert busy.portal is not None
    before = n_routes_of_the_gone(busy)
    busy.portal.call(partial(busy.app, scope, receive, send))
    assert n_routes_of_the_gone(busy) == before + 1

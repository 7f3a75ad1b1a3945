"""Edge middleware: error shape, request id, body limit and metrics; the fast path gives the answers of the routes."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from starlette.testclient import TestClient

from api.middleware.path_ids import keep_escaped_slashes
from api.middleware.whole_answer import PENDING, WholeAnswer
from tests.api.conftest import new_key

Worker = Callable[..., TestClient]

PLAIN = [
    "/v1/users/user-002/recommendations",
    "/v1/users/user-002/recommendations?k=10",
    "/v1/users/user-002/recommendations?placement=home",
    "/v1/users/user-002/recommendations?k=3&placement=buy-again",
    "/v1/items/item-001/similar",
    "/v1/items/item-001/similar?k=3",
]
UNUSUAL = [
    "/v1/users/user-002/recommendations?placement=home&k=10",
    "/v1/users/user-002/recommendations?&k=10",
    "/v1/users/user-002/recommendations?k=10placement=home",
    "/v1/users/user-002/recommendations?k=101",
    "/v1/users/user-002/recommendations?k=0",
    "/v1/users/user-002/recommendations?k=1&k=2",
    "/v1/users/user-002/recommendations?k=%31",
    "/v1/users//recommendations",
    "/v1/users/user-002/recommendations?k=3&",
    "/v1/users/user-002/recommendations/",
    "/v1/users/user-002/recommendations?placement=HOME",
    "/v1/users/user-002/recommendations?nonsense=1",
    "/v1/users/user-002/recommendations?kk=5",
    "/v1/users/user-002%2Frecommendations",
    "/v1/users/user-002%2frecommendations/recommendations",
    "/v1/users/user-002/recommendations?k=5&_=1790000000",
    "/v1/items/item-001/similar?placement=home",
    "/v1/items/item-001/similar?where=price%3E1",
    "/v1/items/item-001%2Fsimilar/similar",
]
UNKNOWN = ["/v1/users/user-002/recommendations?placement=nowhere", "/v1/items/nothing/similar"]


BODIES = [
    b'{"user_id": "u", "item_id": "i", "kind": "dance"}',
    b'[{"event_id": "e", "user_id": "u", "item_id": "i", "kind": "view"}, 7]',
    b"",
    b"[]",
    b"{",
]


QUERIES = [
    b'{"user_id": "user-002", "k": 3, "filters": {"category_in": ["category-1"]}}',
    b'{"user_id": "user-002", "session": ["item-001"], "max_per": {"brand": 1}}',
    b'{"user_id": "user-002", "rows": true}',
    b'{"user_id": "user-002", "explain": true, "rotate": true}',
    b'{"placement": "nowhere"}',
    b'{"filters": {"where": {"nothing": 1}}}',
    b'{"k": 0}',
    b"",
    b"{",
]


def without_id(response: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    own = response.headers["x-request-id"]
    headers = [(name, value) for name, value in response.headers.multi_items() if name != "x-request-id"]
    return response.status_code, response.text.replace(own, "ID"), headers


def on_fast_path(client: TestClient, scope: Mapping[str, object]) -> object:
    assert client.portal is not None
    return client.portal.call(client.app.fast_path.recommendations, scope)  # type: ignore[attr-defined]


def scope_of(url: str, **headers: str) -> dict[str, object]:
    path, _, query = url.partition("?")
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"path": unquote(path), "raw_path": path.encode(), "method": "GET", "query_string": query.encode()}
    keep_escaped_slashes(scope)
    return {**scope, "headers": pairs}


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


class NoFastPath:
    """Every request goes through the routes."""

    def query(self, scope: object) -> None:
        return None

    async def recommendations(self, scope: object) -> None:
        return None

    async def events(self, scope: object, receive: object) -> None:
        return None

    async def lists(self, scope: object, receive: object) -> None:
        return None


@pytest.fixture(scope="module")
def long_way(module_worker: Worker) -> TestClient:
    client = module_worker()
    client.app.fast_path = NoFastPath()  # type: ignore[attr-defined]
    return client


@pytest.mark.parametrize("url", [*PLAIN, *UNUSUAL])
def test_the_fast_path_gives_the_bytes_of_the_route(reader: TestClient, long_way: TestClient, url: str) -> None:
    for entry in (url, PLAIN[0], url):
        assert without_id(reader.get(entry)) == without_id(long_way.get(entry))


@pytest.mark.parametrize("url", PLAIN)
def test_a_connection_gets_the_answer_of_the_route_at_once(reader: TestClient, long_way: TestClient, url: str) -> None:
    for _ in ("computed", "from memory"):
        whole = answer_now(reader, url, x_request_id="ID")
        assert same(whole, long_way.get(url, headers={"x-request-id": "ID"}))


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


@pytest.mark.parametrize("raw", BODIES)
def test_events_on_the_fast_path_are_answered_as_on_the_route(
    reader: TestClient, long_way: TestClient, raw: bytes
) -> None:
    reader.post("/v1/events", content=raw)  # before both: an accepted event is a duplicate now
    short, long = (without_id(entry.post("/v1/events", content=raw)) for entry in (reader, long_way))
    assert short == long


@pytest.mark.parametrize("raw", QUERIES)
@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/recommendations?k=1"])
def test_queries_on_the_fast_path_are_answered_as_on_the_route(
    reader: TestClient, long_way: TestClient, path: str, raw: bytes
) -> None:
    short, long = (without_id(entry.post(path, content=raw)) for entry in (reader, long_way))
    assert short == long


def test_events_with_a_parameter_are_refused_on_the_fast_path_as_on_the_route(
    reader: TestClient, long_way: TestClient
) -> None:
    happened = {"user_id": "u", "item_id": "i", "kind": "view"}
    short, long = (without_id(entry.post("/v1/events?dry_run=1", json=happened)) for entry in (reader, long_way))
    assert short == long
    assert short[0] == 422


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_request_takes_the_fast_path(reader: TestClient, url: str) -> None:
    assert on_fast_path(reader, {**scope_of(url), "request_id": "1"}) is not None


@pytest.mark.parametrize("url", UNUSUAL)
def test_an_unusual_request_takes_the_route(reader: TestClient, url: str) -> None:
    assert on_fast_path(reader, scope_of(url)) is None


@pytest.mark.parametrize(
    ("method", "url", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/users/nobody", 404, "unknown_user"),
        ("DELETE", "/v1/events", 405, "method_not_allowed"),
        ("POST", "/v1/users/u/recommendations", 405, "method_not_allowed"),
        ("GET", "/v1/users/u/recommendations?k=0", 422, "invalid"),
        ("GET", "/v1/users/u/recommendations?k=ten", 422, "invalid"),
        ("GET", "/v1/users/%00/recommendations", 422, "invalid"),
        ("GET", f"/v1/users/{'x' * 513}/recommendations", 422, "invalid"),
        ("POST", "/v1/recommendations", 422, "bad_json"),
    ],
)
def test_every_error_has_the_one_shape(reader: TestClient, method: str, url: str, status: int, code: str) -> None:
    response = reader.request(method, url)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"code", "message", "details"}
    assert response.json()["error"]["code"] == code


def test_details_name_each_wrong_field(reader: TestClient) -> None:
    response = reader.post("/v1/recommendations", json={"k": "ten", "filters": {"prise_to": 1}})
    fields = {detail["field"] for detail in response.json()["error"]["details"]}
    assert fields == {"body.k", "body.filters.prise_to"}


def test_a_body_over_the_limit_is_413_announced_or_not(worker: Worker) -> None:
    client = worker({"RECSYS_SERVE_BODY_LIMIT": "2000"})

    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    for response in (client.post("/v1/events", content=b" " * 3_000), client.post("/v1/events", content=pieces())):
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "body_too_large"


def test_a_fault_is_a_500_that_says_nothing_of_its_cause_and_the_service_goes_on(client: TestClient) -> None:
    state = client.app.app.state.app_state  # type: ignore[attr-defined]
    before, state.releases.now = state.releases.now, "not a release"
    response = client.get("/v1/users/user-002/recommendations")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "release" not in response.text
    state.releases.now = before
    assert client.get("/v1/users/user-002/recommendations").status_code == 200


def test_metrics_count_requests_answers_and_events_and_name_no_customer(client: TestClient) -> None:
    client.get("/v1/users/user-002/recommendations")
    client.get("/v1/users/user-002/recommendations")
    client.get("/v1/users/a-stranger/recommendations")
    client.post("/v1/events", json=[{"user_id": "u", "item_id": "i", "kind": "view"}, {}])
    client.get("/nowhere/user-002")
    text = client.get("/metrics").text
    for line in (
        'recsys_requests_total{route="/v1/users/{user_id:path}/recommendations",status="200"} 3.0',
        'recsys_requests_total{route="unmatched",status="404"} 1.0',
        'recsys_answers_total{source="memory"} 1.0',
        'recsys_answers_total{source="computed"} 2.0',
        'recsys_fallback_total{step="personal"} 2.0',
        'recsys_fallback_total{step="popular"} 1.0',
        'recsys_events_total{verdict="accepted"} 1.0',
        'recsys_events_total{verdict="rejected"} 1.0',
        "recsys_log_commit_seconds_count 1.0",
    ):
        assert line in text
    assert "user-002" not in text
    assert "a-stranger" not in text
    version = client.get("/version").json()["model"]["version"]
    assert f'recsys_model_live{{version="{version}"}} 1.0' in text


def test_the_schema_describes_every_request_and_answer_with_examples(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    models = schema["components"]["schemas"]
    text = client.get("/openapi.json").text
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in models, reference
    for path, method in (
        ("/v1/recommendations", "post"),
        ("/v1/events", "post"),
        ("/v1/items", "post"),
        ("/v1/items/{item_id}", "put"),
        ("/v1/items/{item_id}", "patch"),
    ):
        body = schema["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
        assert body
    for name in ("RecommendationsIn", "EventIn", "ItemIn"):
        assert models[name]["examples"]
    shown = schema["paths"]["/v1/users/{user_id}/recommendations"]["get"]["responses"]["200"]
    assert "RecommendationsOut" in str(shown["content"]["application/json"]["schema"])
    assert "HTTPValidationError" not in models
    assert client.get("/docs").status_code == 200


@pytest.mark.parametrize("url", [PLAIN[0], UNUSUAL[0], "/livez", "/nowhere"])
def test_an_id_that_comes_with_the_request_goes_back_with_the_answer(reader: TestClient, url: str) -> None:
    answer = reader.get(url, headers={"X-Request-ID": "page-17.a_B"})
    assert answer.headers.get_list("x-request-id") == ["page-17.a_B"]
    assert answer.json().get("request_id", "page-17.a_B") == "page-17.a_B"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "caf\u00e9", '"}', "a/b", "1;2"])
def test_an_id_that_is_not_well_formed_is_not_taken(reader: TestClient, given: str) -> None:
    answer = reader.get(PLAIN[0], headers={"X-Request-ID": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/v1/users/a%0Ab/recommendations", "/v1/items/%0A/similar", "/v1/users/a%0Ab"])
def test_an_id_with_a_line_break_is_refused_with_the_reason(reader: TestClient, path: str) -> None:
    refused = reader.get(path)
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "invalid"


@pytest.mark.parametrize(
    "path", ["/v1/explain?item_id=item-001&placement=a%00b", "/v1/users/u/recommendations?rows=true&placement=%00"]
)
def test_a_placement_that_is_invalid_in_a_body_is_invalid_in_a_query_too(reader: TestClient, path: str) -> None:
    refused = reader.get(path)
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == "query.placement"

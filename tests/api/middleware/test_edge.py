"""Edge middleware: error shape, request id, body limit and metrics; the fast path gives the answers of the routes."""

from collections.abc import Callable, Iterator, Mapping

import httpx
import pytest
from starlette.testclient import TestClient

from tests.api.middleware.requests import BODIES, PLAIN, QUERIES, UNUSUAL, scope_of

Worker = Callable[..., TestClient]


def without_id(response: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    own = response.headers["x-request-id"]
    headers = [(name, value) for name, value in response.headers.multi_items() if name != "x-request-id"]
    return response.status_code, response.text.replace(own, "ID"), headers


def on_fast_path(client: TestClient, scope: Mapping[str, object]) -> object:
    assert client.portal is not None
    return client.portal.call(client.app.fast_path.recommendations, scope)  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", [*PLAIN, *UNUSUAL])
def test_the_fast_path_gives_the_bytes_of_the_route(reader: TestClient, long_way: TestClient, url: str) -> None:
    for entry in (url, PLAIN[0], url):
        assert without_id(reader.get(entry)) == without_id(long_way.get(entry))


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


@pytest.mark.parametrize("name", ["Host", "X-API-Key", "Authorization", "Origin", "Content-Type", "X-Request-Id"])
@pytest.mark.parametrize("path", ["/v1/users/user-002/recommendations", "/v1/recommendations", "/v1/events"])
def test_a_header_that_decides_may_stand_there_once(reader: TestClient, path: str, name: str) -> None:
    method, body = ("GET", b"") if "users" in path else ("POST", b"{}")
    refused = reader.request(method, path, content=body, headers=[(name, "a"), (name, "b")])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_request")
    assert name.lower() in refused.json()["error"]["message"]


def test_a_header_that_may_have_many_values_may_stand_there_twice(reader: TestClient) -> None:
    many = [("Accept", "a/b"), ("Accept", "c/d"), ("Cookie", "a=b"), ("Cookie", "c=d")]
    assert reader.get("/livez", headers=many).status_code == 200

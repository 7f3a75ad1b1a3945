"""Field hints: the nearest field for a misspelt one, the right unit of time, the right method."""

import pytest
from starlette.testclient import TestClient

VERSIONED = ("rules", "segments", "promotions")
RULES = {"rules": [{"id": "x", "kind": "boost", "factr": 2, "reason": "r", "items": ["item-001"]}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/v1/recommendations", {"exlude": ["a"]}, "body.exlude: no such field; did you mean 'exclude'?"),
        (
            "POST",
            "/v1/recommendations",
            {"filters": {"prise_to": 1}},
            "body.filters.prise_to: no such field; did you mean 'price_to'?",
        ),
        ("POST", "/v1/rank", {"items": ["a"], "modle": "als"}, "body.modle: no such field; did you mean 'model'?"),
        ("PATCH", "/v1/items/item-001", {"prize": 3}, "body.prize: no such field; did you mean 'price'?"),
        (
            "PATCH",
            "/v1/users/user-002",
            {"consent": {"personalization": False}},
            "body.consent.personalization: no such field; did you mean 'personalisation'?",
        ),
        ("POST", "/v1/users:merge", {"form": "a", "into": "b"}, "body.from: Field required (and 1 more)"),
        ("POST", "/v1/explain", {"item_id": "a", "asc": {}}, "body.asc: no such field; did you mean 'ask'?"),
        ("PUT", "/v1/rules", RULES, "body.rules.0.factr: no such field; did you mean 'factor'?"),
        ("POST", "/v1/items", [{"item_id": "a", "brnad": "b"}], "items.0.brnad: no such field; did you mean 'brand'?"),
    ],
)
def test_a_misspelt_field_is_reported_with_the_nearest_known_one(
    reader: TestClient, method: str, path: str, body: object, message: str
) -> None:
    response = reader.request(method, path, json=body)
    assert response.status_code == 422
    assert response.json()["error"]["message"] == message


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"user": "u"}, "user: no such field; did you mean 'user_id'?"),
        ({"at": 1_700_000_000}, "at: 1700000000 are seconds; use Unix milliseconds (1700000000000), or ISO 8601"),
        ({"at": "yesterday"}, "at: use ISO 8601, such as 2024-05-01T12:00:00Z, or Unix milliseconds"),
        ({"at": 7}, "at: Input should be greater than or equal to 631152000000"),
    ],
)
def test_a_wrong_event_is_reported_with_its_problem(reader: TestClient, event: dict[str, object], reason: str) -> None:
    response = reader.post("/v1/events", json={"user_id": "u", "item_id": "i", "kind": "view", **event})
    assert response.json()["error"]["details"][0]["reason"] == reason


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/v1/recommendations", "GET is not for this path; it takes POST"),
        ("DELETE", "/v1/events", "DELETE is not for this path; it takes POST"),
        ("GET", "/v2/users", "GET: there is no such path; /docs has all of them"),
    ],
)
def test_a_wrong_method_or_path_is_answered_with_the_right_one(
    reader: TestClient, method: str, path: str, message: str
) -> None:
    assert reader.request(method, path).json()["error"]["message"] == message


def test_every_example_of_a_path_parameter_has_the_right_kind(reader: TestClient) -> None:
    schema = reader.get("/openapi.json").json()
    parameters = {
        (path, entry["name"]): entry
        for path, operations in schema["paths"].items()
        for operation in operations.values()
        for entry in operation.get("parameters", ())
    }
    shown = {key: entry["schema"].get("examples") for key, entry in parameters.items() if entry["in"] == "path"}
    assert shown.pop(("/v1/receipts/{receipt_id}", "receipt_id"))
    assert [shown.pop((f"/v1/{name}/versions/{{version}}", "version")) for name in VERSIONED] == [[1]] * 3
    assert shown.pop(("/v1/runs/{run_id}", "run_id"))
    for path, name in (("/v1/evaluations/{evaluation_id}", "evaluation_id"), ("/v1/verdicts/{version}", "version")):
        assert {key for key in shown if key[1] == name and key[0].startswith(path)}
        shown = {key: examples for key, examples in shown.items() if not key[0].startswith(path)}
    assert {(name, *examples) for (_, name), examples in shown.items()} == {
        ("user_id", "900"),
        ("item_id", "995242"),
        ("campaign_id", "spring"),
        ("experiment_id", "more-new"),
        ("quarter", "2026-Q4"),
    }

"""Query parameter check: every route of the shop refuses an unknown parameter, and names the nearest known one."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.auth.api_keys import create_key
from api.auth.authorization import NEEDS
from tests.api.conftest import Worker

OF_USER = "/v1/users/user-002/recommendations"
ROUTES = [(method, path) for path, needs in NEEDS.items() for method in needs if path.startswith("/v1/")]
OF_MACHINES = [path for path in NEEDS if not path.startswith("/v1/") and "redoc" not in path and "*" not in path]


@pytest.mark.parametrize(
    ("url", "field", "problem"),
    [
        (f"{OF_USER}?kk=5", "query.kk", "no such parameter; did you mean 'k'?"),
        (f"{OF_USER}?placment=home", "query.placment", "no such parameter; did you mean 'placement'?"),
        (
            f"{OF_USER}?k=3&exlude=1",
            "query.exlude",
            "no such parameter; known: explain, fields, k, placement, rotate, rows",
        ),
        (
            f"{OF_USER}?utm_id=7",
            "query.utm_id",
            "no such parameter; known: explain, fields, k, placement, rotate, rows",
        ),
        (f"{OF_USER}?K=5", "query.K", "no such parameter; known: explain, fields, k, placement, rotate, rows"),
        ("/v1/items/item-001/similar?wher={}", "query.wher", "no such parameter; did you mean 'where'?"),
        ("/v1/explain?item=item-001", "query.item", "no such parameter; did you mean 'item_id'?"),
        ("/v1/items/item-001?full=true", "query.full", "this route takes no parameters in its query"),
    ],
)
def test_an_unknown_parameter_is_named_with_the_nearest_known_one(
    reader: TestClient, url: str, field: str, problem: str
) -> None:
    response = reader.get(url)
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "invalid"
    assert error["details"] == [{"field": field, "problem": problem}]
    assert error["message"] == f"{field}: {problem}"


def test_every_unknown_parameter_is_named_once(reader: TestClient) -> None:
    details = reader.get(f"{OF_USER}?a=1&k=5&b=2&a=3").json()["error"]["details"]
    assert [detail["field"] for detail in details] == ["query.a", "query.b"]


def test_every_route_of_the_shop_refuses_an_unknown_parameter(reader: TestClient) -> None:
    problem_by_route = {}
    for method, path in ROUTES:
        url = path.replace("{user_id:path}", "user-002").replace("{item_id:path}", "item-001")
        url = url.replace("{receipt_id}", "none").replace("{version}", "1")
        response = reader.request(method, f"{url}?dry_run=true")
        problem_by_route[method, path] = response.status_code, response.json()["error"]["details"][0]["field"]
    assert problem_by_route == dict.fromkeys(ROUTES, (422, "query.dry_run"))


def test_a_refused_erasure_erases_nothing(client: TestClient) -> None:
    assert client.delete("/v1/users/user-002?dry_run=true").status_code == 422
    assert client.get(OF_USER).json()["fallback"] == "personal"


def test_routes_for_machines_accept_any_parameter(client: TestClient) -> None:
    status_by_path = {path: client.get(f"{path}?anything=1").status_code for path in OF_MACHINES}
    assert status_by_path == dict.fromkeys(OF_MACHINES, 200)


def test_without_a_key_only_the_missing_key_is_reported(worker: Worker, home: Path) -> None:
    create_key(home / "keys.json", "test", ["read"], now_ms=1_700_000_000_000)
    for client in (worker(), worker()):  # routes are the same objects in both
        assert client.get(f"{OF_USER}?kk=1").json()["error"]["code"] == "no_key"


def test_of_a_repeated_parameter_the_last_value_counts(client: TestClient) -> None:
    twice = '{"user_id": "user-002", "k": 2, "k": 3}'
    lists = [
        client.get(f"{OF_USER}?k=2&k=3").json(),
        client.post("/v1/recommendations", content=twice).json(),
        client.post("/v1/recommendations:batch", content=f"[{twice}]").json()["answers"][0]["answer"],
        client.post("/v1/recommendations:batch", content=f'{{"asks": [], "asks": [{twice}]}}').json()["answers"][0][
            "answer"
        ],
    ]
    assert [len(part["items"]) for part in lists] == [3] * 4
    assert client.put("/v1/items/twice", content='{"name": "a", "name": "b"}').json()["name"] == "b"
    happened = '{"user_id": "first", "user_id": "last", "item_id": "item-001", "kind": "view"}'
    assert client.post("/v1/events", content=happened).status_code == 202
    assert client.get("/v1/users/first").status_code == 404
    assert client.get("/v1/users/last").status_code == 200

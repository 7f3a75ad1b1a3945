"""Authorization: every route opens to its scope alone, and keys of browsers open less."""

from pathlib import Path

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from api.auth.api_keys import SCOPES
from api.auth.authorization import NEEDS, PUBLIC, READING, SERVERS_ONLY, scope_needs
from tests.api.conftest import SHOP, Worker, bearer, new_key

REQUESTS = [(method, path) for path, needs in sorted(NEEDS.items()) for method in needs]


def of_path(template: str) -> str:
    return template.replace("{user_id:path}", "user-002").replace("{item_id:path}", "item-001")


# Scopes that open what others name: by scope, those that it includes, and those where nothing is changed.
WORKING = {"read", "catalogue", "users", "viewer", "marketing"}
INCLUDED: dict[str, tuple[set[str], set[str]]] = {
    "admin": (set(SCOPES), set()),
    "marketing": (WORKING, set()),
    "viewer": ({"read", "viewer"}, WORKING),
}


def opens(scope: str | None, method: str, path: str) -> bool:
    """Whether a key of that scope alone opens that route."""
    own: set[str] = set() if scope is None else {scope}
    whole, reading = INCLUDED.get(scope or "", (own, set()))
    need = NEEDS[path][method]
    return need in whole or (need in reading and (method == "GET" or path in READING))


def methods_of(route: Route | Mount) -> set[str]:
    """The methods that a route answers; below a mount, those of its entry in NEEDS, because others are refused."""
    return set(scope_needs(route)[1]) if isinstance(route, Mount) else (route.methods or set()) - {"HEAD"}


def test_every_route_of_the_service_has_a_declared_scope_and_nothing_else_has_one(client: TestClient) -> None:
    routes = client.app.app.routes  # type: ignore[attr-defined]
    served = {(method, scope_needs(route)[0]) for route in routes for method in methods_of(route)}
    assert served == set(REQUESTS)


def test_a_route_without_a_declared_scope_stops_the_service() -> None:
    with pytest.raises(RuntimeError, match=r"GET.*/v1/new"):
        scope_needs(Route("/v1/new", lambda request: None))


@pytest.mark.usefixtures("log_commands")
@pytest.mark.parametrize("scope", [None, "nonsense", *SCOPES])
def test_every_route_opens_to_its_scope_and_to_no_other(
    guarded: TestClient, keys: dict[str, str], scope: str | None
) -> None:
    headers = {} if scope is None else bearer(keys.get(scope, "rk_00000000_nobody-made-this-one"))
    for method, path in REQUESTS:
        need = NEEDS[path][method]
        answer = guarded.request(method, of_path(path), headers=headers)
        if need == PUBLIC or opens(scope, method, path):
            assert answer.status_code not in (401, 403), (method, path)
        else:
            expected = {None: "no_key", "nonsense": "unknown_key"}.get(scope, "missing_scope")
            assert answer.json()["error"]["code"] == expected, (method, path)
            assert answer.status_code == (403 if expected == "missing_scope" else 401)
            assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


@pytest.mark.usefixtures("log_commands")
def test_routes_with_data_of_customers_open_to_the_users_scope_alone(guarded: TestClient, keys: dict[str, str]) -> None:
    """These scopes are fixed here too, because the test above follows the table."""
    ask = {"user_id": "user-002", "placement": "buy-again", "k": 1}
    posts = [("/v1/rules:try", {"ask": ask}), ("/v1/explain", {"ask": ask, "item_id": "item-001"})]
    posts += [("/v1/segments:try", {"where": {}}), ("/v1/customers:search", {})]
    gets = ("/v1/customers/user-002", "/v1/customers/summary", "/v1/kpis", "/v1/cohorts", "/v1/expected-units")
    for path, body in (*posts, *((path, None) for path in gets)):
        for scope in SCOPES:
            method = "GET" if body is None else "POST"
            status = guarded.request(method, path, json=body, headers=bearer(keys[scope])).status_code
            assert status == (200 if scope in ("users", "viewer", "marketing", "admin") else 403), (path, scope)


@pytest.mark.usefixtures("log_commands")
def test_a_viewers_key_changes_nothing(guarded: TestClient, keys: dict[str, str]) -> None:
    """Fixed here, too: what a viewer may POST only asks."""
    asking = {path for path in NEEDS if path.endswith((":try", ":search", ":batch"))}
    asking |= {"/v1/audience", "/v1/explain", "/v1/rank", "/v1/recommendations"}
    for method, path in REQUESTS:
        if method != "GET" and path not in asking:
            answer = guarded.request(method, of_path(path), headers=bearer(keys["viewer"]))
            assert answer.status_code == 403, (method, path)


def test_every_path_of_a_customer_but_their_own_list_needs_the_users_scope() -> None:
    customer = "/v1/users/{user_id:path}"
    of_customers = {path: needs for path, needs in NEEDS.items() if path.startswith(customer)}
    assert of_customers.pop(f"{customer}/recommendations") == {"GET": "read"}
    assert {customer, f"{customer}/export", f"{customer}/similar"} <= set(of_customers)
    assert {need for needs in of_customers.values() for need in needs.values()} == {"users"}


def test_a_browsers_key_opens_lists_and_events_but_not_what_is_for_servers(key_file: Path, worker: Worker) -> None:
    key = new_key(key_file, "read", "events", origins=(SHOP,))
    client = worker()
    for method, path in REQUESTS:
        need = NEEDS[path][method]
        answer = client.request(method, of_path(path), headers=bearer(key, origin=SHOP))
        opens = need == PUBLIC or (need in ("read", "events") and path not in SERVERS_ONLY)
        assert (answer.status_code not in (401, 403)) == opens, (method, path)


def test_a_browsers_key_does_not_open_explanations(key_file: Path, worker: Worker) -> None:
    pages, servers = new_key(key_file, "read", origins=(SHOP,)), new_key(key_file, "read")
    client, ask = worker(), {"user_id": "user-002", "explain": True}
    path = "/v1/users/user-002/recommendations?explain=true"
    for key, status in ((pages, 403), (servers, 200)):
        headers = bearer(key, origin=SHOP)
        assert client.get(path, headers=headers).status_code == status
        assert client.post("/v1/recommendations", json=ask, headers=headers).status_code == status
    body = client.post("/v1/recommendations:batch", json=[ask, {"k": 2}], headers=bearer(pages, origin=SHOP)).json()
    assert body["answers"][0]["error"]["code"] == "missing_scope"
    assert len(body["answers"][1]["answer"]["items"]) == 2


def test_a_refused_event_is_not_stored(guarded: TestClient, keys: dict[str, str]) -> None:
    event = {"event_id": "only-once", "user_id": "u", "item_id": "item-001", "kind": "view"}
    assert guarded.post("/v1/events", json=event, headers=bearer(keys["read"])).status_code == 403
    stored = guarded.post("/v1/events", json=event, headers=bearer(keys["events"]))
    assert stored.json()["accepted"] == 1

"""API keys: every route against every scope, keys of browsers, and how a key begins and ends."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route
from starlette.testclient import TestClient

from api.auth.api_keys import SCOPES, create_key, read_keys, revoke_key
from api.auth.authentication import EVERYBODY, Authenticator
from api.auth.authorization import NEEDS, PUBLIC, SERVERS_ONLY, scope_needs
from recsys.errors import BadFile, BadInput

Worker = Callable[..., TestClient]
NOW = 1_700_000_000_000
SHOP = "https://shop.example"
REQUESTS = [(method, path) for path, needs in sorted(NEEDS.items()) for method in needs]


def made(file: Path, *scopes: str, origins: tuple[str, ...] = (), expires_at_ms: int | None = None) -> str:
    return create_key(file, "test", scopes, now_ms=NOW, origins=origins, expires_at_ms=expires_at_ms)[1]


def bearer(key: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **more}


def of_path(template: str) -> str:
    return template.replace("{user_id:path}", "user-002").replace("{item_id:path}", "item-001")


def eventually(condition: Callable[[], bool], within_s: float = 20.0) -> bool:
    ends = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def file(home: Path) -> Path:
    return home / "keys.json"


@pytest.fixture
def keys(file: Path) -> dict[str, str]:
    """A key for each scope, made before the service starts."""
    return {scope: made(file, scope) for scope in SCOPES}


@pytest.fixture
def guarded(keys: dict[str, str], worker: Worker) -> TestClient:
    return worker()


def test_every_route_of_the_service_has_a_declared_scope_and_nothing_else_has_one(client: TestClient) -> None:
    routes = client.app.app.routes  # type: ignore[attr-defined]
    served = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}
    assert served == set(REQUESTS)


def test_a_route_without_a_declared_scope_stops_the_service() -> None:
    with pytest.raises(RuntimeError, match=r"GET.*/v1/new"):
        scope_needs(Route("/v1/new", lambda request: None))


@pytest.mark.parametrize("scope", [None, "nonsense", *SCOPES])
def test_every_route_opens_to_its_scope_and_to_no_other(
    guarded: TestClient, keys: dict[str, str], scope: str | None
) -> None:
    headers = {} if scope is None else bearer(keys.get(scope, "rk_00000000_nobody-made-this-one"))
    for method, path in REQUESTS:
        need = NEEDS[path][method]
        answer = guarded.request(method, of_path(path), headers=headers)
        if need == PUBLIC or scope in (need, "admin"):
            assert answer.status_code not in (401, 403), (method, path)
        else:
            expected = {None: "no_key", "nonsense": "unknown_key"}.get(scope, "missing_scope")
            assert answer.json()["error"]["code"] == expected, (method, path)
            assert answer.status_code == (403 if expected == "missing_scope" else 401)
            assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


def test_routes_with_data_of_customers_open_to_the_users_scope_alone(guarded: TestClient, keys: dict[str, str]) -> None:
    """Said here once more: the matrix above goes by the table, whatever stands in it."""
    ask = {"user_id": "user-002", "placement": "buy-again", "k": 1}
    for path, body in (("/v1/rules:try", {"ask": ask}), ("/v1/explain", {"ask": ask, "item_id": "item-001"})):
        for scope in SCOPES:
            status = guarded.post(path, json=body, headers=bearer(keys[scope])).status_code
            assert status == (200 if scope in ("users", "admin") else 403), (path, scope)


def test_a_browsers_key_opens_lists_and_events_but_not_what_is_for_servers(file: Path, worker: Worker) -> None:
    key = made(file, "read", "events", origins=(SHOP,))
    client = worker()
    for method, path in REQUESTS:
        need = NEEDS[path][method]
        answer = client.request(method, of_path(path), headers=bearer(key, origin=SHOP))
        opens = need == PUBLIC or (need in ("read", "events") and path not in SERVERS_ONLY)
        assert (answer.status_code not in (401, 403)) == opens, (method, path)


def test_a_browsers_key_does_not_open_explanations(file: Path, worker: Worker) -> None:
    pages, servers = made(file, "read", origins=(SHOP,)), made(file, "read")
    client, ask = worker(), {"user_id": "user-002", "explain": True}
    path = "/v1/users/user-002/recommendations?explain=true"
    for key, status in ((pages, 403), (servers, 200)):
        headers = bearer(key, origin=SHOP)
        assert client.get(path, headers=headers).status_code == status
        assert client.post("/v1/recommendations", json=ask, headers=headers).status_code == status
    body = client.post("/v1/recommendations:batch", json=[ask, {"k": 2}], headers=bearer(pages, origin=SHOP)).json()
    assert body["answers"][0]["error"]["code"] == "missing_scope"
    assert len(body["answers"][1]["answer"]["items"]) == 2


def test_a_key_counts_in_either_header_and_another_kind_of_authorization_does_not(
    guarded: TestClient, keys: dict[str, str]
) -> None:
    path = "/v1/users/user-002/recommendations"
    assert guarded.get(path, headers={"X-API-Key": keys["read"]}).status_code == 200
    assert guarded.get(path, headers={"Authorization": f"bEaReR {keys['read']}"}).status_code == 200
    basic = guarded.get(path, headers={"Authorization": "Basic dXNlcjpwYXNz"})
    assert basic.json()["error"]["code"] == "no_key"
    too_long = guarded.get(path, headers={"X-API-Key": keys["read"] + "x" * 1_000})
    assert too_long.json()["error"]["code"] == "unknown_key"


def test_a_refused_event_is_not_stored(guarded: TestClient, keys: dict[str, str]) -> None:
    event = {"event_id": "only-once", "user_id": "u", "item_id": "item-001", "kind": "view"}
    assert guarded.post("/v1/events", json=event, headers=bearer(keys["read"])).status_code == 403
    stored = guarded.post("/v1/events", json=event, headers=bearer(keys["events"]))
    assert stored.json()["accepted"] == 1


def test_two_keys_are_valid_at_once_and_a_revoked_one_stops_by_itself(file: Path, worker: Worker) -> None:
    old, new = made(file, "read"), made(file, "read")
    workers = [worker(), worker()]
    path = "/v1/users/user-002/recommendations"
    for client in workers:
        assert [client.get(path, headers=bearer(key)).status_code for key in (old, new)] == [200, 200]
    revoke_key(file, old.split("_")[1], now_ms=NOW)
    for client in workers:
        assert eventually(lambda worker=client: worker.get(path, headers=bearer(old)).status_code == 401)  # type: ignore[misc]
        assert client.get(path, headers=bearer(new)).status_code == 200


def test_the_first_key_closes_a_service_that_was_open(client: TestClient, file: Path) -> None:
    path = "/v1/users/user-002/recommendations"
    assert client.get(path).status_code == 200
    key = made(file, "read")
    assert eventually(lambda: client.get(path).status_code == 401)
    assert client.get(path, headers=bearer(key)).status_code == 200


def test_an_expired_key_says_so(file: Path, worker: Worker) -> None:
    key = made(file, "read", expires_at_ms=NOW)
    answer = worker().get("/v1/users/user-002/recommendations", headers=bearer(key))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "expired_key"


def test_a_browsers_key_works_from_its_pages_only_and_they_may_read_the_answer(file: Path, worker: Worker) -> None:
    key = made(file, "read", origins=(SHOP,))
    client = worker()
    path = "/v1/users/user-002/recommendations"
    allowed = client.get(path, headers=bearer(key, origin=SHOP))
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert "x-request-id" in allowed.headers["access-control-expose-headers"]
    for elsewhere in (bearer(key), bearer(key, origin="https://evil.example"), bearer(key, origin=f"{SHOP}.evil")):
        refused = client.get(path, headers=elsewhere)
        assert refused.json()["error"]["code"] == "wrong_origin"
        assert "access-control-allow-origin" not in refused.headers


def test_a_browser_may_send_a_preflight(file: Path, worker: Worker) -> None:
    made(file, "events", origins=(SHOP,))
    client = worker()
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    answer = client.options("/v1/events", headers={"origin": SHOP, **ask})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "authorization" in answer.headers["access-control-allow-headers"]
    stranger = client.options("/v1/events", headers={"origin": "https://evil.example", **ask})
    assert stranger.status_code == 405
    assert "access-control-allow-origin" not in stranger.headers


def test_a_page_sees_why_its_key_is_refused(file: Path, worker: Worker) -> None:
    made(file, "events", origins=(SHOP,))
    answer = worker().get("/v1/users/u/recommendations", headers={"origin": SHOP})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SHOP


def test_no_file_holds_the_key_itself(home: Path, file: Path, worker: Worker) -> None:
    key = made(file, "read")
    worker().get("/v1/users/user-002/recommendations", headers=bearer(key))
    secret = key.split("_", 2)[2].encode()
    assert not [path for path in home.rglob("*") if path.is_file() and secret in path.read_bytes()]


@pytest.mark.parametrize("content", [b"", b"{}x", b'{"format": 2, "keys": []}', b'{"keys": [{"id": "x"}]}', b"\xff"])
def test_a_damaged_key_file_opens_nothing_and_the_keys_read_last_stay_valid(
    file: Path, worker: Worker, keys: dict[str, str], content: bytes
) -> None:
    client = worker()
    file.write_bytes(content)
    assert eventually(lambda: client.get("/readyz").json()["warnings"] != [])
    assert "restore a copy" in client.get("/readyz").json()["warnings"][0]
    path = "/v1/users/user-002/recommendations"
    assert client.get(path, headers=bearer(keys["read"])).status_code == 200
    assert client.get(path).status_code == 401
    with pytest.raises(BadFile):
        worker()


def test_deleting_the_key_file_opens_nothing(guarded: TestClient, file: Path, keys: dict[str, str]) -> None:
    file.unlink()
    assert eventually(lambda: guarded.get("/readyz").json()["warnings"] != [])
    assert guarded.get("/v1/users/user-002/recommendations").status_code == 401


def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        made_keys = list(pool.map(lambda _: made(file, "read"), range(40)))
    kept = read_keys(file)
    assert kept is not None
    assert {key.id for key in kept} == {key.split("_")[1] for key in made_keys}


@pytest.mark.parametrize(
    ("name", "scopes", "origins", "says"),
    [
        ("x", [], [], "without scopes"),
        ("x", ["reed"], [], "'reed' is no scope"),
        ("", ["read"], [], "1 to 100 printable"),
        ("a\nb", ["read"], [], "1 to 100 printable"),
        ("x", ["read"], ["shop.example"], "no origin"),
        ("x", ["read"], ["https://shop.example/"], "without a path"),
        ("x", ["read", "catalogue"], [SHOP], "read and events only"),
        ("x", ["admin"], [SHOP], "read and events only"),
    ],
)
def test_an_invalid_key_is_not_created(
    tmp_path: Path, name: str, scopes: list[str], origins: list[str], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        create_key(tmp_path / "keys.json", name, scopes, now_ms=NOW, origins=origins)
    assert not (tmp_path / "keys.json").exists()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authenticator, str]:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    key = made(file, "admin")
    guard = Authenticator(file)
    guard.look()
    return guard, key


@given(data=st.data())
def test_no_key_but_the_right_one_opens_anything(watched: tuple[Authenticator, str], data: st.DataObject) -> None:
    guard, key = watched
    at = data.draw(st.integers(0, len(key) - 1))
    wrong = data.draw(st.one_of(st.binary(max_size=200), st.just((key[:at] + "~" + key[at + 1 :]).encode())))
    for headers in ({b"x-api-key": wrong}, {b"authorization": b"Bearer " + wrong}, {b"authorization": wrong}):
        assert not guard.authenticate(headers).scopes
    assert guard.authenticate({b"x-api-key": key.encode()}).scopes == EVERYBODY.scopes


def test_the_list_as_json_holds_everything_but_the_digest(file: Path, keys: dict[str, str]) -> None:
    body = orjson.loads(file.read_bytes())["keys"]
    assert [key["scopes"] for key in body] == [[scope] for scope in SCOPES]
    assert all(len(key["digest"]) == 64 for key in body)

"""Authentication: how a key is sent, and how keys become valid and invalid while the service runs."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.auth.api_keys import revoke_key
from api.auth.authentication import EVERYBODY, Authenticator, is_own_name
from api.settings import ServerConfig
from recsys.errors import BadFile
from tests.api.conftest import NOW, Worker, bearer, new_key


def eventually(condition: Callable[[], bool], within_s: float = 20.0) -> bool:
    ends = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


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


def test_two_keys_are_valid_at_once_and_a_revoked_one_stops_by_itself(key_file: Path, worker: Worker) -> None:
    old, new = new_key(key_file, "read"), new_key(key_file, "read")
    workers = [worker(), worker()]
    path = "/v1/users/user-002/recommendations"
    for client in workers:
        assert [client.get(path, headers=bearer(key)).status_code for key in (old, new)] == [200, 200]
    revoke_key(key_file, old.split("_")[1], now_ms=NOW)
    for client in workers:
        assert eventually(lambda worker=client: worker.get(path, headers=bearer(old)).status_code == 401)  # type: ignore[misc]
        assert client.get(path, headers=bearer(new)).status_code == 200


def test_the_first_key_closes_a_service_that_was_open(client: TestClient, key_file: Path) -> None:
    path = "/v1/users/user-002/recommendations"
    assert client.get(path).status_code == 200
    key = new_key(key_file, "read")
    assert eventually(lambda: client.get(path).status_code == 401)
    assert client.get(path, headers=bearer(key)).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example:8000"}, {"origin": "https://evil.example"}, {"origin": "null"}]
)
def test_without_keys_no_page_of_another_site_may_ask(client: TestClient, headers: dict[str, str]) -> None:
    event = {"user_id": "u", "item_id": "item-001", "kind": "view"}
    answers = [
        client.get("/v1/users/user-002/recommendations", headers=headers),
        client.post("/v1/events", json=event, headers=headers),
        client.delete("/v1/users/user-002", headers=headers),
    ]
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {(403, "wrong_origin")}
    assert client.get("/livez", headers=headers).status_code == 200
    own = {"host": "127.0.0.1:8000", "origin": "http://localhost:3000"}
    assert client.get("/v1/users/user-002/recommendations", headers=own).status_code == 200


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        (b"", True),
        (b"localhost:8000", True),
        (b"LocalHost.", True),
        (b"shop.localhost:1", True),
        (b"127.0.0.1", True),
        (b"[::1]:8000", True),
        (b"recsys", True),
        (b"own.example:80", True),
        (b"evil.example", False),
        (b"127.0.0.1.evil.example:80", False),
        (b"localhost@evil.example", False),
        (b"1.2.3.4x", False),
        (b"\xff.example", False),
    ],
)
def test_a_name_that_a_stranger_could_own_is_not_this_machine(host: bytes, is_own: bool) -> None:
    assert is_own_name(host, {"own.example"}) is is_own


def test_an_expired_key_says_so(key_file: Path, worker: Worker) -> None:
    key = new_key(key_file, "read", expires_at_ms=NOW)
    answer = worker().get("/v1/users/user-002/recommendations", headers=bearer(key))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "expired_key"


@pytest.mark.parametrize("content", [b"", b"{}x", b'{"format": 2, "keys": []}', b'{"keys": [{"id": "x"}]}', b"\xff"])
def test_a_damaged_key_file_opens_nothing_and_the_keys_read_last_stay_valid(
    key_file: Path, worker: Worker, keys: dict[str, str], content: bytes
) -> None:
    client = worker()
    key_file.write_bytes(content)
    assert eventually(lambda: client.get("/readyz").json()["warnings"] != [])
    assert "restore a copy" in client.get("/readyz").json()["warnings"][0]
    path = "/v1/users/user-002/recommendations"
    assert client.get(path, headers=bearer(keys["read"])).status_code == 200
    assert client.get(path).status_code == 401
    with pytest.raises(BadFile):
        worker()


def test_deleting_the_key_file_opens_nothing(guarded: TestClient, key_file: Path, keys: dict[str, str]) -> None:
    key_file.unlink()
    assert eventually(lambda: guarded.get("/readyz").json()["warnings"] != [])
    assert guarded.get("/v1/users/user-002/recommendations").status_code == 401


def test_a_worker_without_the_key_file_of_a_home_that_had_keys_does_not_start(
    guarded: TestClient, key_file: Path, worker: Worker
) -> None:
    assert guarded.get("/readyz").json()["parts"]["keys"] == "ok"  # a running service marks the home of an older build
    key_file.rename(key_file.with_name("elsewhere.json"))
    with pytest.raises(BadFile, match="keys forget"):
        worker()
    assert eventually(lambda: guarded.get("/readyz").json()["parts"]["keys"] == "unreadable")
    assert guarded.delete("/v1/users/user-002").status_code == 401


def test_settings_that_name_a_key_file_are_never_served_without_it(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="the settings name it"):
        worker({"RECSYS_SERVE_KEYS_FILE": str(tmp_path / "secrets" / "keys.json")})


@pytest.mark.parametrize("content", [b"", b'{"keys": []}'])
def test_a_key_file_without_a_valid_key_closes_a_service_that_was_open(
    client: TestClient, key_file: Path, content: bytes
) -> None:
    key_file.write_bytes(content)
    assert eventually(lambda: client.get("/v1/users/user-002/recommendations").status_code == 401)


def test_the_last_key_revoked_closes_the_service_and_its_next_start(key_file: Path, worker: Worker) -> None:
    key = new_key(key_file, "read")
    client = worker()
    revoke_key(key_file, key.split("_")[1], now_ms=NOW)
    path = "/v1/users/user-002/recommendations"
    assert eventually(lambda: client.get(path, headers=bearer(key)).status_code == 401)
    assert [started.get(path).status_code for started in (client, worker())] == [401, 401]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authenticator, str]:
    key_file = tmp_path_factory.mktemp("keys") / "keys.json"
    key = new_key(key_file, "admin")
    guard = Authenticator(ServerConfig.load(key_file.parent, None, {}))
    guard.reload_if_changed()
    return guard, key


@given(data=st.data())
def test_no_key_but_the_right_one_opens_anything(watched: tuple[Authenticator, str], data: st.DataObject) -> None:
    guard, key = watched
    at = data.draw(st.integers(0, len(key) - 1))
    wrong = data.draw(st.one_of(st.binary(max_size=200), st.just((key[:at] + "~" + key[at + 1 :]).encode())))
    for headers in ({b"x-api-key": wrong}, {b"authorization": b"Bearer " + wrong}, {b"authorization": wrong}):
        assert not guard.authenticate(headers).scopes
    assert guard.authenticate({b"x-api-key": key.encode()}).scopes == EVERYBODY.scopes

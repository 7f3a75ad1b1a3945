"""CORS: a key of a browser works from its pages, which may read the answer."""

from pathlib import Path

from tests.api.conftest import SHOP, Worker, bearer, new_key


def test_a_browsers_key_works_from_its_pages_only_and_they_may_read_the_answer(key_file: Path, worker: Worker) -> None:
    key = new_key(key_file, "read", origins=(SHOP,))
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


def test_a_browser_may_send_a_preflight(key_file: Path, worker: Worker) -> None:
    new_key(key_file, "events", origins=(SHOP,))
    client = worker()
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    answer = client.options("/v1/events", headers={"origin": SHOP, **ask})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "authorization" in answer.headers["access-control-allow-headers"]
    stranger = client.options("/v1/events", headers={"origin": "https://evil.example", **ask})
    assert stranger.status_code == 405
    assert "access-control-allow-origin" not in stranger.headers


def test_a_page_sees_why_its_key_is_refused(key_file: Path, worker: Worker) -> None:
    new_key(key_file, "events", origins=(SHOP,))
    answer = worker().get("/v1/users/u/recommendations", headers={"origin": SHOP})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SHOP

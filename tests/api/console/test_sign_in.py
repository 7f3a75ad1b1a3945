"""Sign-in: which keys open the console, where it leads, and when a session ends."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.auth.api_keys import create_key, read_keys, revoke_key
from api.console.sessions import COOKIE
from api.console.sign_in import MAX_FORM_BYTES
from recsys.time_units import now_ms
from tests.api.console.conftest import SignedIn


@pytest.fixture
def stranger(console_app: Starlette) -> TestClient:
    return TestClient(console_app)


def enter(browser: TestClient, key: str, **fields: str):  # type: ignore[no-untyped-def]
    return browser.post("/console/sign-in", data={"key": key, **fields}, follow_redirects=False)


def test_the_cookie_is_no_key_and_no_script_reads_it(stranger: TestClient, console_home: Path) -> None:
    key = (console_home / "viewer.key").read_text()
    cookie = enter(stranger, key).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/console"} <= set(cookie.split("; "))
    assert key.split("_", 2)[2] not in cookie


@pytest.mark.parametrize(
    ("key", "words"), [("", "Put in the key"), ("rk_00000000_made-up", "not known"), ("é" * 200, "no key")]
)
def test_a_text_that_is_no_key_is_refused_in_words(stranger: TestClient, key: str, words: str) -> None:
    answer = enter(stranger, key)
    assert (answer.status_code, words in answer.text) == (403, True)
    assert "set-cookie" not in answer.headers


def test_a_key_of_another_scope_does_not_open_the_console(
    stranger: TestClient, console_app: Starlette, console_home: Path
) -> None:
    key = _fresh(console_app, console_home, "users")
    answer = enter(stranger, key)
    assert (answer.status_code, "viewer, marketing or admin" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/console/../v1/users", "/console/\\evil", "/docs", ""]
)
def test_sign_in_leads_to_a_page_of_the_console_only(stranger: TestClient, console_home: Path, target: str) -> None:
    key = (console_home / "viewer.key").read_text()
    assert enter(stranger, key, next=target).headers["location"] == "/console/"
    assert enter(stranger, key, next="/console/customers?abc=A").headers["location"] == "/console/customers?abc=A"


def test_a_form_of_another_site_signs_nobody_in(stranger: TestClient, console_home: Path) -> None:
    key, foreign = (console_home / "viewer.key").read_text(), {"origin": "https://evil.example"}
    answer = stranger.post("/console/sign-in", data={"key": key}, headers=foreign, follow_redirects=False)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_a_form_of_a_stranger_is_read_to_its_limit_only(stranger: TestClient) -> None:
    long = "x" * MAX_FORM_BYTES
    for content in ({"data": {"key": long}}, {"files": {"key": long}}, {"files": {"key": ("a.csv", long)}}):
        answer = stranger.post("/console/sign-in", **content)
        assert (answer.status_code, "more than a form may hold" in answer.text) == (413, True)
    assert stranger.post("/console/sign-out", data={"key": long}, follow_redirects=False).status_code == 303


def test_signing_out_ends_the_session_and_needs_its_token(signed_in: SignedIn) -> None:
    browser = signed_in("viewer")
    assert browser.post("/console/sign-out", follow_redirects=False).status_code == 403
    assert browser.get("/console/customers", follow_redirects=False).status_code == 200
    cookie = browser.cookies[COOKIE]
    browser.submit("/console/sign-out")
    browser.cookies.set(COOKIE, cookie)
    assert browser.get("/console/customers", follow_redirects=False).status_code == 303


def test_a_revoked_key_ends_its_session(signed_in: SignedIn, console_app: Starlette, console_home: Path) -> None:
    browser, file = signed_in("viewer"), console_home / "keys.json"
    browser.sign_in(_fresh(console_app, console_home, "marketing"))
    revoke_key(file, (read_keys(file) or ())[-1].id, now_ms=now_ms())
    console_app.state.authenticator.reload_if_changed()
    assert browser.get("/console/customers", follow_redirects=False).status_code == 303


def _fresh(app: Starlette, home: Path, scope: str) -> str:
    """A key that the console knows at once."""
    key = create_key(home / "keys.json", "fresh", [scope], now_ms=now_ms())[1]
    app.state.authenticator.reload_if_changed()
    return key

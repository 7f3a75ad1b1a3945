"""Sign-in over OpenID Connect: who gets in with which role, who does not, and whom the audit names."""

import base64
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from api.auth.api_keys import create_key, read_keys, revoke_key
from api.console.oidc.sign_in import COOKIE as WAY_COOKIE
from api.console.oidc.sign_in import MAX_TARGET, PENDING_S, PendingSignIn, SignInCookies
from api.console.sessions import COOKIE
from recsys.data.store.open import open_store
from recsys.time_units import now_ms
from tests.api.console.conftest import Browser
from tests.api.console.oidc.conftest import ISSUER, Come
from tests.api.console.oidc.provider_server import ANN, CLIENT_ID, ProviderServer

WRONG_TOKENS = {
    "of another sign-in": ({"nonce": "made-up"}, "nonce"),
    "without a nonce": ({"nonce": None}, "nonce"),
    "for another program": ({"aud": "another"}, "aud"),
    "for several, not first for us": ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "azp"),
    "of another provider": ({"iss": "https://evil.example"}, "iss"),
    "expired": ({"exp": int(time.time()) - 3_600}, "expired"),
    "without an end": ({"exp": None}, "exp"),
    "not valid yet": ({"nbf": int(time.time()) + 3_600}, "not yet valid"),
    "of nobody": ({"sub": None}, "sub"),
    "beside another access token": ({"at_hash": "b3RoZXI"}, "at_hash"),
}


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["everybody"], "viewer"), (["crm", "everybody"], "marketer"), (["it", "crm"], "operator"), ("sales", "marketer")],
)
def test_a_person_gets_the_highest_role_of_their_groups(
    come: Come, provider: ProviderServer, visitor: Browser, groups: Any, role: str
) -> None:
    provider.person = {**ANN, "groups": groups}
    answer = come(next="/console/segments")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/segments")
    assert f"{role}, ann@shop.example" in visitor.get("/console/segments").text


def test_the_audit_names_the_person_beside_the_key_of_their_role(
    come: Come, visitor: Browser, console_home: Path
) -> None:
    come()
    visitor.get("/console/customer", params={"id": "seen-by-ann"})
    with closing(open_store(console_home, None)) as store:
        (row,) = store.audit(user_id="seen-by-ann")
    marketer = next(key.id for key in read_keys(console_home / "keys.json") or () if key.name == "marketer")
    assert (row.person, row.who, row.key_id, row.role) == ("ann@shop.example", row.person, marketer, "marketer")


@pytest.mark.parametrize(("claims", "words"), WRONG_TOKENS.values(), ids=WRONG_TOKENS)
def test_a_token_that_does_not_hold_lets_nobody_in(
    come: Come, provider: ProviderServer, claims: dict[str, Any], words: str
) -> None:
    provider.claims = claims
    assert_refused(come(), words)


@pytest.mark.parametrize(
    ("signing", "words"),
    [("none", "none"), ("hmac", "HS256"), ("stranger", "bad_signature"), ("nothing", "no ID token")],
)
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    come: Come, provider: ProviderServer, signing: str, words: str
) -> None:
    provider.signing = signing
    assert_refused(come(), words)


@pytest.mark.parametrize("groups", [[], ["cooks"], None, 3, [["crm"]], {"crm": True}])
def test_somebody_without_a_group_that_has_a_role_stays_outside(
    come: Come, provider: ProviderServer, groups: Any
) -> None:
    provider.person = {**ANN, "groups": groups}
    assert_refused(come(), "in none of the groups")


def test_the_way_back_is_open_once_and_to_the_browser_that_went(
    come: Come, visitor: Browser, oidc_app: Starlette
) -> None:
    there = visitor.get("/console/sign-in/oidc", follow_redirects=False)
    cookie = there.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/console/sign-in/oidc"} <= set(cookie.split("; "))
    first = come()
    assert first.status_code == 303
    assert (WAY_COOKIE in visitor.cookies, COOKIE in visitor.cookies) == (False, True)
    assert_refused(visitor.get(str(first.request.url), follow_redirects=False), "used before")
    assert_refused(come(state="made-up"), "used before")

    def stolen(*_: object, **query: str) -> Any:
        thief = Browser(oidc_app, raise_server_exceptions=False)
        thief.portal = oidc_app.state.portal
        return thief.get("/console/sign-in/oidc/done", params=query, follow_redirects=False)

    assert_refused(stolen(code="x", state="y"), "used before")


def test_a_kept_cookie_brings_nobody_in_again(come: Come, visitor: Browser) -> None:
    first = come()
    kept = first.request.headers["cookie"]
    again = visitor.get(str(first.request.url), headers={"cookie": kept}, follow_redirects=False)
    assert_refused(again, "400 invalid_grant")


def test_the_way_back_is_open_to_the_cookie_with_its_state_for_ten_minutes() -> None:
    cookies, pending = SignInCookies(), PendingSignIn("/console/rules")
    sealed = cookies.seal(pending, 1.0)
    assert cookies.open(sealed, pending.state, 1.0 + PENDING_S) == pending
    assert cookies.open(sealed, pending.state, 2.0 + PENDING_S) is None
    assert cookies.open(sealed, "another", 1.0) is None
    assert cookies.open(sealed, "", 1.0) is None
    assert cookies.open("", pending.state, 1.0) is None
    assert cookies.open("\u00e9" * 9, pending.state, 1.0) is None
    assert SignInCookies().open(sealed, pending.state, 1.0) is None


def test_the_cookie_hides_what_ties_the_code_to_it(visitor: Browser) -> None:
    answer = visitor.get("/console/sign-in/oidc", params={"next": "/console/rules"}, follow_redirects=False)
    query = httpx.URL(answer.headers["location"]).params
    content = base64.urlsafe_b64decode(visitor.cookies[WAY_COOKIE])
    assert not any(part.encode() in content for part in ("/console/rules", query["state"], query["nonce"]))


@pytest.mark.slow
def test_ten_thousand_visits_do_not_disturb_somebody_who_is_just_signing_in(
    come: Come, oidc_app: Starlette, visitor: Browser, provider: ProviderServer
) -> None:
    stranger = Browser(oidc_app, raise_server_exceptions=False)
    stranger.portal = oidc_app.state.portal

    def meanwhile() -> None:
        for _ in range(10_000):
            stranger.get("/console/sign-in/oidc", follow_redirects=False)

    assert come(meanwhile=meanwhile).headers["location"] == "/console/customers"


def test_a_long_address_to_come_back_to_is_cut(come: Come) -> None:
    answer = come(next="/console/customers?where=" + "x" * 9_000)
    assert len(answer.headers["location"]) <= MAX_TARGET


def test_what_the_provider_says_in_the_place_of_a_code_is_told(come: Come, provider: ProviderServer) -> None:
    provider.denial = "access_denied"
    assert_refused(come(), "access_denied")


def test_an_answer_of_another_provider_is_not_taken_to_this_one(come: Come) -> None:
    assert_refused(come(iss="https://evil.example"), "another provider")


def test_a_code_of_somebody_else_is_refused_by_the_provider(come: Come) -> None:
    assert_refused(come(code="made-up"), "400 invalid_grant")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/v1/users", ""])
def test_sign_in_leads_to_a_page_of_the_console_only(come: Come, target: str) -> None:
    assert come(next=target).headers["location"] == "/console/"


def test_a_key_of_another_role_stands_for_nobody(come: Come, console_home: Path, oidc_app: Starlette) -> None:
    file, before = console_home / "marketer.key", (console_home / "marketer.key").read_text()
    file.write_text((console_home / "operator.key").read_text())
    assert_refused(come(), "marketer_key is no valid key of the role marketer")
    file.write_text(before)


def test_a_revoked_key_ends_the_sessions_of_its_role(
    come: Come, visitor: Browser, console_home: Path, oidc_app: Starlette
) -> None:
    file, before = console_home / "marketer.key", (console_home / "marketer.key").read_text()
    made, text = create_key(console_home / "keys.json", "for all", ["marketing"], now_ms=now_ms())
    file.write_text(text)
    oidc_app.state.authenticator.reload_if_changed()
    assert come().status_code == 303
    assert not visitor.get("/console/customers", follow_redirects=False).is_redirect
    revoke_key(console_home / "keys.json", made.id, now_ms=now_ms())
    oidc_app.state.authenticator.reload_if_changed()
    assert visitor.get("/console/customers", follow_redirects=False).status_code == 303
    file.write_text(before)


def test_the_page_of_sign_in_offers_both_ways(visitor: Browser) -> None:
    text = visitor.get("/console/sign-in", params={"next": "/console/rules?a=1"}).text
    assert "Sign in with the shop&#39;s account" in text
    assert "/console/sign-in/oidc?next=%2Fconsole%2Frules%3Fa%3D1" in text
    assert 'name="key"' in text


def test_the_provider_is_asked_by_a_browser_of_the_outside_address(visitor: Browser, provider: ProviderServer) -> None:
    there = visitor.get("/console/sign-in/oidc", follow_redirects=False).headers["location"]
    assert there.startswith(f"{ISSUER}/authorize?")
    assert "redirect_uri=http%3A%2F%2Ftestserver%2Fconsole%2Fsign-in%2Foidc%2Fdone" in there
    assert "code_challenge_method=S256" in there


def assert_refused(answer: Any, words: str) -> None:
    assert (answer.status_code, words in answer.text) == (403, True), answer.text
    assert COOKIE not in answer.cookies

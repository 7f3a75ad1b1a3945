"""Every page of the console, by its table: sign-in, roles, tokens of forms, headers, hostile text."""

import re
from collections.abc import Callable
from functools import cache

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from api.console.page import Action, ConsolePage
from api.console.roles import Role
from api.console.table import PAGES
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import LogUnavailable
from tests.api.console.conftest import HOSTILE, SignedIn

OPEN = {"/", "/console", "/console/", "/console/sign-in", "/console/sign-out"}
ACTIONS = [(page, name, action) for page in PAGES for name, action in page.actions.items()]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
every_action = pytest.mark.parametrize(
    ("page", "name", "action"), ACTIONS, ids=[f"{page.path}/{name}" for page, name, _ in ACTIONS]
)


@pytest.fixture(scope="module")
def known(signed_in: SignedIn) -> SignedIn:
    """Gives the same browser of somebody with that role each time: to sign in takes as long as a page."""
    return cache(signed_in)


@pytest.fixture(scope="module")
def opened(known: SignedIn) -> Callable[[str], httpx.Response]:
    """Gives a page as an operator sees it, opened once."""
    return cache(lambda url: known("operator").get(url))


def test_every_route_is_a_page_an_action_or_one_of_the_few_that_are_open(console_app: Starlette) -> None:
    known = {page.url for page in PAGES} | {f"{page.url}/{name}" for page in PAGES for name in page.actions}
    assert {route.path for route in console_app.routes if isinstance(route, Route)} == known | OPEN
    assert [route.path for route in console_app.routes if isinstance(route, Mount)] == ["/console/static"]


def test_no_two_pages_have_the_same_path() -> None:
    assert len({page.path for page in PAGES}) == len(PAGES)


def test_the_menu_has_headings_over_few_entries_each_and_none_over_nothing(signed_in: SignedIn) -> None:
    for role, headings in (("operator", 6), ("viewer", 5)):
        text = signed_in(role).get("/console/customers").text
        menu = text[text.index("<nav") : text.index("</nav>")]
        names = re.findall(r'<h2 id="([^"]+)">', menu)
        assert names == re.findall(r'<ul aria-labelledby="([^"]+)">', menu)
        assert len(names) == headings
        assert all(1 <= part.count("<li>") <= 4 for part in menu.split("<h2")[1:])


@every_page
def test_a_page_sends_a_stranger_to_the_sign_in(console_app: Starlette, page: ConsolePage) -> None:
    answer = TestClient(console_app).get(page.url, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?next=%2Fconsole")


@every_page
@pytest.mark.parametrize("role", Role)
def test_a_page_opens_to_its_role_and_to_those_above_it(known: SignedIn, page: ConsolePage, role: Role) -> None:
    answer = known(role.word).get(page.url)
    assert (answer.status_code == 403) == (role < page.role)
    assert answer.status_code < 500
    assert answer.status_code == 403 or page.title in answer.text


@every_page
def test_a_page_holds_no_script_style_or_foreign_host(
    opened: Callable[[str], httpx.Response], page: ConsolePage
) -> None:
    text = opened(page.url).text
    assert re.findall(r"<script(?! src=\"/console/static/)|<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    assert re.findall(r"(?:src|href|action)=\"(?:https?:)?//", text) == []


@every_page
def test_hostile_texts_of_the_address_and_of_names_are_shown_as_text(known: SignedIn, page: ConsolePage) -> None:
    names = (
        "evaluation",
        "experiment",
        "only",
        "show",
        "table",
        "verdict",
        "word",
        "id",
        "item",
        "items",
        "name",
        "order",
        "placement",
        "product",
        "query",
        "run",
        "stage",
        "where",
    )
    for typed in (dict.fromkeys(names, HOSTILE), {"item": "item-001", "id": "user-003"}):
        text = known("operator").get(page.url, params=typed).text
        assert "<script>alert" not in text
        assert '"><img' not in text


@every_page
def test_a_page_says_first_what_it_is_for(page: ConsolePage) -> None:
    assert page.sentence.endswith((".", "?"))
    assert len(page.sentence) < 160


@every_page
def test_every_answer_forbids_foreign_content_and_frames_and_is_stored_nowhere(
    opened: Callable[[str], httpx.Response], page: ConsolePage
) -> None:
    headers = opened(page.url).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["cache-control"] == "no-store"


@every_action
def test_an_action_without_the_token_of_the_session_does_nothing(
    known: SignedIn, page: ConsolePage, name: str, action: Action
) -> None:
    browser, url = known("operator"), f"{page.url}/{name}"
    for fields in ({}, {"csrf": ""}, {"csrf": "made-up"}, {"csrf": known("marketer").csrf}):
        assert browser.post(url, data=fields, follow_redirects=False).status_code == 403
    foreign = {"origin": "https://evil.example"}
    answer = browser.post(url, data={"csrf": browser.csrf}, headers=foreign, follow_redirects=False)
    assert answer.status_code == 403


@every_action
def test_an_action_is_closed_to_roles_below_it_and_to_strangers(
    console_app: Starlette, known: SignedIn, page: ConsolePage, name: str, action: Action
) -> None:
    url = f"{page.url}/{name}"
    assert TestClient(console_app).post(url, follow_redirects=False).headers["location"] == "/console/sign-in"
    for role in Role:
        if role < max(page.role, action.role):
            assert known(role.word).submit(url).status_code == 403


@every_action
def test_an_action_without_its_fields_is_refused_in_words(
    known: SignedIn, page: ConsolePage, name: str, action: Action
) -> None:
    answer = known("operator").submit(f"{page.url}/{name}")
    assert answer.status_code < 500
    assert "fault of this program" not in answer.text


def test_an_address_that_there_is_not_is_told_in_words(signed_in: SignedIn) -> None:
    answer = signed_in("viewer").get("/console/nothing")
    assert (answer.status_code, "There is no such page." in answer.text) == (404, True)


def test_static_files_are_kept_by_the_browser_under_their_version(signed_in: SignedIn) -> None:
    browser = signed_in("viewer")
    style = re.findall(r'href="(/console/static/console.css\?v=[0-9a-f]+)"', browser.get("/console/customers").text)[0]
    assert "immutable" in browser.get(style).headers["cache-control"]
    assert browser.get("/console/static/console.css").headers["cache-control"] == "no-store"
    assert browser.get("/console/static/../app.py").status_code == 404


def test_without_the_log_a_page_is_no_fault_and_names_no_host(known: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise LogUnavailable("PostgreSQL: no answer of db.internal (OperationalError: connection refused)")

    browser = known("operator")
    monkeypatch.setattr(SqliteStore, "add_audit", refuse)
    monkeypatch.setattr(SqliteStore, "audit", refuse)
    answers = [
        browser.get("/console/customer", params={"id": "user-001"}),
        browser.submit("/console/rules/preview"),
        browser.get("/console/audit"),
    ]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all("event log does not answer" in answer.text for answer in answers)
    assert not any("db.internal" in answer.text for answer in answers)

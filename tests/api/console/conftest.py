"""A console beside a service, both in this process, and people who are signed in."""

import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.app import build_api
from api.auth.api_keys import create_key
from api.console.app import create_console
from api.console.settings import ConsoleSettings
from api.middleware.stack import with_middleware
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState
from recsys.client import AsyncClient
from recsys.data.entities import Item, User
from recsys.data.store.open import open_store
from recsys.testing import small_items
from recsys.threads import limit_threads
from recsys.time_units import now_ms
from tests.homes import copy_home

SCOPE_BY_ROLE = {"viewer": "viewer", "marketer": "marketing", "operator": "admin"}
HOSTILE = '"><img/src=x/onerror=alert(1)><script>alert(1)</script>{{ 7*7 }}'
PIN = {"kind": "pin", "product": "item-020", "placement": "home", "reason": "It is new.", "until": "2100-12-04"}
TENTH = {"kind": "discount", "title": "10 % off", "percent": "10", "categories": "category-0", "budget": "500"}
SignedIn = Callable[[str], "Browser"]


class Browser(TestClient):
    """Somebody in front of the console; knows the token of their forms once they are signed in."""

    csrf = ""

    def sign_in(self, key: str) -> None:
        assert self.post("/console/sign-in", data={"key": key}, follow_redirects=False).status_code == 303
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', self.get("/console/customers").text)[0]

    def submit(self, path: str, **fields: Any) -> Any:
        """Sends a form with its token."""
        return self.post(path, data={"csrf": self.csrf, **fields})


def digest_of_document(browser: Browser, url: str) -> str:
    """Of the text that a page of a document shows."""
    return str(re.findall(r'name="digest" value="([^"]+)"', browser.get(url).text)[0])


def console_of(
    home: Path, env: dict[str, str] | None = None, provider: httpx.AsyncBaseTransport | None = None
) -> Starlette:
    """A console of that home and the service that it talks to, started and ended together.

    provider: how requests reach an OpenID provider.
    """
    given = {"RECSYS_SERVE_SHED_AFTER_MS": "60000", **(env or {})}
    limit_threads(given)
    file = home / "recsys.toml"
    config = ServerConfig.load(home, file if file.exists() else None, given)
    state = AppState(config, open_store(home, config.shop.database_url), Metrics())
    api = build_api(state)
    service = with_middleware(api, state)

    def connect(key: str) -> AsyncClient:
        return AsyncClient("http://service", key, transport=httpx.ASGITransport(service))

    console = create_console(config, ConsoleSettings.load(None, given), connect, provider)
    alone = console.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with api.router.lifespan_context(api), alone(app):
            yield

    console.router.lifespan_context = lifespan
    return console


@pytest.fixture(scope="module")
def console_home(home_with_needs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with customers and a key for each role, shared by the tests of a module."""
    home = copy_home(home_with_needs, tmp_path_factory.mktemp("console") / "home")
    with closing(open_store(home, None)) as store:
        store.put_items([replace(item, name=HOSTILE) for item in small_items()[:3]])
        store.put_items([Item("deposit", "Bottle Deposit", category="Deposits")])
        store.put_users([User("user-003", {"city": HOSTILE})])
    with closing(sqlite3.connect(home / "shop.db")) as log, log:  # the release was made without it
        log.execute("UPDATE items SET revision = 1 WHERE item_id = 'deposit'")
    (home / "recsys.toml").write_text('[catalogue.never_show]\ncategory = ["Deposits"]\n')
    for role, scope in SCOPE_BY_ROLE.items():
        key = create_key(home / "keys.json", role, [scope], now_ms=now_ms())[1]
        (home / f"{role}.key").write_text(key)
    return home


@pytest.fixture(scope="module")
def console_app(console_home: Path) -> Iterator[Starlette]:
    """The running console; its sessions belong to the event loop of `app.state.portal`."""
    app = console_of(console_home)
    with TestClient(app) as running:
        app.state.portal = running.portal
        yield app


@pytest.fixture(scope="module")
def signed_in(console_app: Starlette, console_home: Path) -> SignedIn:
    """Gives a browser of somebody with that role."""

    def browser(role: str) -> Browser:
        visitor = Browser(console_app, raise_server_exceptions=False)
        visitor.portal = console_app.state.portal
        visitor.sign_in((console_home / f"{role}.key").read_text())
        return visitor

    return browser


@pytest.fixture(scope="module")
def console(signed_in: SignedIn) -> Browser:
    """A marketer."""
    return signed_in("marketer")

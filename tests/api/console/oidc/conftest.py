"""A console whose people are vouched for by an OpenID provider, both in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.api.console.conftest import Browser, console_of
from tests.api.console.oidc.provider_server import CLIENT_ID, SECRET, ProviderServer

ISSUER = "https://login.shop.example"
Come = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def running_provider() -> ProviderServer:
    return ProviderServer(ISSUER)


@pytest.fixture
def provider(running_provider: ProviderServer) -> ProviderServer:
    """The provider, as it is right."""
    fresh = ProviderServer(ISSUER, key=running_provider.key)
    for name in ("person", "claims", "signing", "document", "denial", "asked"):
        setattr(running_provider, name, getattr(fresh, name))
    return running_provider


@pytest.fixture(scope="module")
def oidc_app(console_home: Path, running_provider: ProviderServer) -> Iterator[Starlette]:
    """The console that trusts the provider."""
    (console_home / "client.secret").write_text(f"{SECRET}\n")
    settings = {
        "ISSUER": ISSUER,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": f"@{console_home / 'client.secret'}",
        "TITLE": "the shop's account",
        "VIEWER_GROUPS": '["everybody"]',
        "MARKETER_GROUPS": '["crm", "sales"]',
        "OPERATOR_GROUPS": '["it"]',
        **{f"{role.upper()}_KEY": f"@{console_home / role}.key" for role in ("viewer", "marketer", "operator")},
    }
    env = {f"RECSYS_CONSOLE_OIDC__{name}": value for name, value in settings.items()}
    app = console_of(console_home, env, provider=httpx.ASGITransport(running_provider.app()))
    with TestClient(app) as running:
        app.state.portal = running.portal
        yield app


@pytest.fixture
def visitor(oidc_app: Starlette) -> Browser:
    """Somebody who is not signed in yet."""
    browser = Browser(oidc_app, raise_server_exceptions=False)
    browser.portal = oidc_app.state.portal
    return browser


@pytest.fixture
def come(visitor: Browser, provider: ProviderServer) -> Come:
    """The way to the provider and back of a browser, its last address changed by `change`."""
    at_provider = TestClient(provider.app(), base_url=ISSUER)

    def way(next: str = "/console/customers", meanwhile: Callable[[], None] = lambda: None, **change: str) -> Any:
        there = visitor.get("/console/sign-in/oidc", params={"next": next}, follow_redirects=False)
        assert there.headers["location"].startswith(f"{ISSUER}/authorize?"), there.text
        back = httpx.URL(at_provider.get(there.headers["location"], follow_redirects=False).headers["location"])
        meanwhile()
        return visitor.get(str(back.copy_merge_params(change)), follow_redirects=False)

    return way


def path_of(address: str) -> str:
    return urlsplit(address).path

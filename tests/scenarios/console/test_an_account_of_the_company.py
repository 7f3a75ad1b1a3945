"""Sign-in with an account of the company: a browser, the console and an OpenID provider, each with its own address."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser

from api.auth.api_keys import create_key
from recsys.time_units import now_ms
from tests.api.console.oidc.provider_server import CLIENT_ID, SECRET, ProviderServer
from tests.bench.servers import consoled, free_port
from tests.scenarios.console.person import Person, Shop

pytestmark = pytest.mark.slow


@contextmanager
def serving(provider: ProviderServer, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(provider.app(), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join()


def test_somebody_comes_in_with_their_account_looks_at_a_customer_and_is_named(
    chrome: Browser, shop: Shop, pictures: Path
) -> None:
    port = free_port()
    provider = ProviderServer(f"http://127.0.0.1:{port}")
    settings = {
        "ISSUER": provider.issuer,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": SECRET,
        "MARKETER_GROUPS": '["crm"]',
        "MARKETER_KEY": create_key(shop.home / "keys.json", "marketers", ["marketing"], now_ms=now_ms())[1],
    }
    env = {f"RECSYS_CONSOLE_OIDC__{name}": value for name, value in settings.items()}
    with serving(provider, port), consoled(shop.home, shop.service, env) as console:
        person = Person(chrome.new_page(), pictures)
        person.page.on("console", lambda said: person.complaints.append(said.text) if said.type == "error" else None)
        person.page.goto(f"http://127.0.0.1:{console.port}/console/customer?id=user-001")
        person.picture("account-sign-in")
        person.click("Sign in with your company account")
        person.sees("Customer user-001")
        person.picture("account-signed-in")
        assert "marketer, ann@shop.example" in person.page.get_by_role("banner").inner_text()
        assert (person.clicks, person.complaints) == (1, [])
        provider.person = {**provider.person, "groups": []}
        person.click("Sign out", "button")
        person.click("Sign in with your company account")
        person.sees("in none of the groups that open the console")
        person.picture("account-refused")
        person.page.context.close()

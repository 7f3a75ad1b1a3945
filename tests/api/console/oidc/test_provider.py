"""OpenID provider as the console sees it: its addresses, its keys, and what it does when they are wrong."""

import asyncio
from typing import Any

import httpx
import pytest

from api.console.oidc.provider import OpenIdProvider, ProviderRefusal, is_safe
from api.console.settings import OidcSettings
from tests.api.console.oidc.conftest import ISSUER, Come
from tests.api.console.oidc.provider_server import CLIENT_ID, SECRET, ProviderServer

SETTINGS = OidcSettings(issuer=ISSUER, client_id=CLIENT_ID, client_secret=SECRET)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"issuer": "https://evil.example"}, "calls itself 'https://evil.example'"),
        ({"token_endpoint": "http://login.shop.example/token"}, "token_endpoint is 'http://"),
        ({"jwks_uri": None}, "jwks_uri is None"),
    ],
)
def test_addresses_of_another_issuer_or_without_encryption_are_refused(document: dict[str, Any], words: str) -> None:
    transport = httpx.ASGITransport(ProviderServer(ISSUER, document=document).app())
    provider = OpenIdProvider(OidcSettings(issuer=ISSUER), transport)
    with pytest.raises(ProviderRefusal, match=words):
        leave_for(provider)


def test_addresses_and_keys_are_fetched_once_and_again_for_a_key_that_is_new(
    come: Come, provider: ProviderServer
) -> None:
    assert come().status_code == 303
    provider.asked.clear()
    assert come().status_code == 303
    assert provider.asked == []
    provider.rotate()
    assert come().status_code == 303
    assert provider.asked == ["keys"]


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://login.example/token", True),
        ("http://127.0.0.1:9/token", True),
        ("http://login.example/token", False),
        ("javascript:alert(1)", False),
        (None, False),
    ],
)
def test_an_address_is_encrypted_or_on_this_machine(url: object, safe: bool) -> None:
    assert is_safe(url) == safe


def test_a_provider_that_does_not_answer_is_told_in_words() -> None:
    provider = OpenIdProvider(OidcSettings(issuer="http://127.0.0.1:1"))
    with pytest.raises(ProviderRefusal, match="does not answer as it should: ConnectError"):
        leave_for(provider)


def test_keys_that_are_none_are_refused_in_words() -> None:
    server = ProviderServer(ISSUER, document={"jwks_uri": f"{ISSUER}/.well-known/openid-configuration"})
    transport = httpx.ASGITransport(server.app())

    async def come_back() -> None:
        provider, callback = OpenIdProvider(SETTINGS, transport), "https://c.example/done"
        there = await provider.sign_in_url(callback, state="s", nonce="n", verifier="v" * 43)
        async with httpx.AsyncClient(transport=transport) as browser:
            back = httpx.URL((await browser.get(there)).headers["location"])
        try:
            await provider.claims(back.params["code"], callback, nonce="n", verifier="v" * 43)
        finally:
            await provider.close()

    with pytest.raises(ProviderRefusal, match="its ID token does not hold: 'keys'"):
        asyncio.run(come_back())


def leave_for(provider: OpenIdProvider) -> None:
    async def leave() -> None:
        try:
            await provider.sign_in_url("https://c.example/done", state="s", nonce="n", verifier="v" * 43)
        finally:
            await provider.close()

    asyncio.run(leave())

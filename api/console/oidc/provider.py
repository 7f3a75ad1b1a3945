"""OpenID provider as its client sees it: discovery, a code for an ID token, and the checks of that token.

OpenID Connect Core 1.0, section 3.1 (authorization code flow), Discovery 1.0, and RFC 7636 (PKCE, S256).
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from api.console.settings import OidcSettings
from recsys.errors import RecsysError

# By keys that the provider publishes: never `none`, whatever it advertises, and never HMAC, whose key is a secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
LEEWAY_S = 60  # by how much the clocks of both may differ
FRESH_S = 3_600.0  # addresses and keys are fetched again after so long
TIMEOUT_S = 10.0
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Claims = Mapping[str, Any]


class ProviderRefusal(RecsysError):
    """The provider, or what it sent, does not let this person in; the message says why."""

    code = "sign_in_refused"


class OpenIdProvider:
    """One provider.  Belongs to one event loop."""

    def __init__(self, settings: OidcSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, transport=transport)
        self._metadata: Claims = {}
        self._keys: KeySet | None = None
        self._fetched_s = 0.0

    async def close(self) -> None:
        await self._http.aclose()

    async def sign_in_url(self, redirect_uri: str, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent.  Raises ProviderRefusal."""
        settings, metadata = self._settings, await self._discover()
        url: str = prepare_grant_uri(
            metadata["authorization_endpoint"],
            settings.client_id,
            "code",
            redirect_uri,
            " ".join(settings.scopes),
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def claims(self, code: str, redirect_uri: str, *, nonce: str, verifier: str) -> Claims:
        """What the ID token says that the provider gives for that code, once it is checked.  Raises ProviderRefusal."""
        metadata = await self._discover()
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        token = await self._exchange(metadata, body | {"code_verifier": verifier})
        if not isinstance(token.get("id_token"), str):
            raise ProviderRefusal("it sent no ID token; the scope openid is needed")
        try:
            signed = await self._verified(token["id_token"])
            return _checked(signed, token, nonce, self._settings)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderRefusal(f"its ID token does not hold: {error}") from None

    async def _exchange(self, metadata: Claims, body: dict[str, str]) -> dict[str, Any]:
        """The answer of the token endpoint, asked as the client that the provider knows."""
        client_id, secret = self._settings.client_id, self._settings.secret()
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret and "client_secret_basic" in methods:
            auth = httpx.BasicAuth(quote(client_id, ""), quote(secret, ""))  # RFC 6749, 2.3.1
            return await self._fetch("POST", metadata["token_endpoint"], data=body, auth=auth)
        body |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        return await self._fetch("POST", metadata["token_endpoint"], data=body)

    async def _verified(self, id_token: str) -> jwt.Token:
        """The token, signed by a key of the provider; a key that is not known yet is fetched."""
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        if self._keys is not None:
            try:
                return jwt.decode(id_token, self._keys, registry=registry)
            except InvalidKeyIdError:
                pass
        self._keys = KeySet.import_key_set(await self._fetch("GET", (await self._discover())["jwks_uri"]))  # type: ignore[arg-type]
        return jwt.decode(id_token, self._keys, registry=registry)

    async def _discover(self) -> Claims:
        """Its addresses.  Raises ProviderRefusal for those of another issuer, and for one that is not encrypted."""
        if self._metadata and time.monotonic() < self._fetched_s + FRESH_S:
            return self._metadata
        issuer = self._settings.issuer
        metadata = await self._fetch("GET", get_well_known_url(issuer, external=True))
        if metadata.get("issuer") != issuer:
            raise ProviderRefusal(f"{issuer} calls itself {metadata.get('issuer')!r:.200}; check console.oidc.issuer")
        for name in ENDPOINTS:
            if not is_safe(metadata.get(name)):
                raise ProviderRefusal(f"its {name} is {metadata.get(name)!r:.200}; it must be an address with https")
        self._metadata, self._keys, self._fetched_s = metadata, None, time.monotonic()
        return metadata

    async def _fetch(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """A JSON object.  Raises ProviderRefusal."""
        try:
            response = await self._http.request(method, url, **options)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderRefusal(f"{url} does not answer as it should: {type(error).__name__}") from error
        if not isinstance(answer, dict) or response.is_error:
            said = answer.get("error") if isinstance(answer, dict) else None
            raise ProviderRefusal(f"{url} answers {response.status_code} {said or ''}".rstrip())
        return answer


def is_safe(url: object) -> bool:
    """Whether it is an address with https, or one of this machine."""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _checked(signed: jwt.Token, token: Claims, nonce: str, settings: OidcSettings) -> Claims:
    """The claims of a token for this client, now, and for this sign-in.  Raises JoseError."""
    options = {
        "iss": {"essential": True, "value": settings.issuer},
        "aud": {"essential": True, "value": settings.client_id},
        "sub": {"essential": True},
    }
    known = {"nonce": nonce, "client_id": settings.client_id, "access_token": token.get("access_token")}
    claims = CodeIDToken(signed.claims, signed.header, options, known)
    claims.validate(leeway=LEEWAY_S)
    return dict(claims)

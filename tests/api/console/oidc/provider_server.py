"""OpenID provider for the tests: issues codes and signed tokens as the specification says, or with one thing wrong."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, SECRET = "console", "s3cret+/="
LIFETIME_S = 300
ANN = {"sub": "f00-ann", "email": "ann@shop.example", "email_verified": True, "groups": ["crm"]}


@dataclass(slots=True)
class ProviderServer:
    """One provider, with one person in front of it.

    claims: put in the place of those of a right token; None takes one away.  signing: how tokens are signed.  document:
    put in the place of its metadata.  denial: what it says in the place of a code.
    """

    issuer: str
    person: Mapping[str, Any] = field(default_factory=lambda: dict(ANN))
    claims: dict[str, Any] = field(default_factory=dict)
    signing: str = "right"
    document: dict[str, Any] = field(default_factory=dict)
    denial: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first"}))
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    def rotate(self) -> None:
        """Signs with another key from now on."""
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4)})

    async def _metadata(self, _request: Request) -> Response:
        self.asked.append("metadata")
        places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        algorithms = {"id_token_signing_alg_values_supported": ["none", "ES256", "HS256"]}
        addresses = {name: self.issuer + path for name, path in places.items()}
        return JSONResponse({"issuer": self.issuer, **addresses, **algorithms, **self.document})

    async def _keys(self, _request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        right = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        assert {name: query[name] for name in right} == right
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {"error": self.denial} if self.denial else {"code": code}
        words = {**answer, "state": query["state"], "iss": self.issuer}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(words)}", 302)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        grant = self._codes.pop(str(form["code"]), None)
        basic = base64.b64encode(b"console:s3cret%2B%2F%3D").decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, 401)
        challenge = create_s256_code_challenge(str(form["code_verifier"]))
        if grant is None or form["redirect_uri"] != grant["redirect_uri"] or challenge != grant["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = {"access_token": "opaque", "token_type": "Bearer", "id_token": self._signed(self._claims(grant))}
        return JSONResponse({name: value for name, value in token.items() if value})

    def _claims(self, grant: Mapping[str, str]) -> dict[str, Any]:
        now = int(time.time())
        times = {"iat": now, "exp": now + LIFETIME_S}
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": grant["nonce"], **times, **self.person, **self.claims}
        return {name: value for name, value in claims.items() if value is not None}

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": "ES256", "kid": self.key.kid}
        match self.signing:
            case "none":
                return f"{_parts({**header, 'alg': 'none'}, claims)}."
            case "hmac":  # with the public key as its secret, which everybody can read
                text = _parts({**header, "alg": "HS256"}, claims)
                return f"{text}.{_base64(hmac.digest(self.key.as_pem(private=False), text.encode(), 'sha256'))}"
            case "stranger":
                return jwt.encode(header, claims, ECKey.generate_key("P-256", {"kid": self.key.kid or ""}))
            case "nothing":
                return ""
        return jwt.encode(header, claims, self.key)


def _parts(*parts: Mapping[str, Any]) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in parts)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

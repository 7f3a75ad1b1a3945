"""Sign-in over OpenID Connect: the way to the provider, and the way back with a code."""

import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha256

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.console.oidc.identity import person_of, role_of_person
from api.console.oidc.provider import OpenIdProvider, ProviderRefusal
from api.console.roles import Role
from api.console.settings import OidcSettings
from api.console.sign_in import OIDC_URL, SignIn
from recsys.errors import BadSettings

log = structlog.get_logger()

CALLBACK_URL = f"{OIDC_URL}/done"
COOKIE = "recsys_console_oidc"  # ties the way back to the browser that went
MAX_PENDING, PENDING_S, MAX_TARGET = 10_000, 600.0, 2_000  # a few MB of those who never come back
AGAIN = "Sign in again; if it stays so, tell who runs this service."


def _token() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Somebody on the way to the provider and back.  ends_s: on the clock that the caller reads."""

    target: str
    redirect_uri: str
    ends_s: float
    browser: str = field(default_factory=_token)
    nonce: str = field(default_factory=_token)
    verifier: str = field(default_factory=_token)


class PendingSignIns:
    """Those on the way, by the digest of their `state`; each comes back once.  The oldest make room."""

    def __init__(self) -> None:
        self._by_state: dict[bytes, PendingSignIn] = {}

    def add(self, pending: PendingSignIn) -> str:
        """The `state` of the way there."""
        while len(self._by_state) >= MAX_PENDING:
            del self._by_state[next(iter(self._by_state))]
        state = _token()
        self._by_state[_digest(state)] = pending
        return state

    def take(self, state: str, browser: str, now_s: float) -> PendingSignIn | None:
        """Whoever left with that state from that browser, not too long ago; None for everybody else, and again."""
        pending = self._by_state.pop(_digest(state), None)
        if pending is None or now_s >= pending.ends_s:
            return None
        return pending if secrets.compare_digest(pending.browser.encode(), browser.encode()) else None


class OidcSignIn:
    """The addresses that lead to the provider and back."""

    def __init__(self, sign_in: SignIn, settings: OidcSettings, provider: OpenIdProvider) -> None:
        self._sign_in = sign_in
        self._settings = settings
        self._provider = provider
        self._pending = PendingSignIns()

    def routes(self) -> list[Route]:
        """Its addresses, which are open to everybody."""
        return [
            Route(OIDC_URL, self.leave, methods=["GET"]),
            Route(CALLBACK_URL, self.come_back, methods=["GET"]),
        ]

    async def close(self) -> None:
        await self._provider.close()

    async def leave(self, request: Request) -> Response:
        """To the provider."""
        ends_s, target = time.monotonic() + PENDING_S, request.query_params.get("next", "")[:MAX_TARGET]
        pending = PendingSignIn(target, _callback(request, self._settings.url), ends_s)
        try:
            url = await self._provider.sign_in_url(
                pending.redirect_uri,
                state=self._pending.add(pending),
                nonce=pending.nonce,
                verifier=pending.verifier,
            )
        except ProviderRefusal as error:
            return self._refuse(target, error)
        response = RedirectResponse(url, 303)
        is_secure = pending.redirect_uri.startswith("https:")
        response.set_cookie(
            COOKIE, pending.browser, int(PENDING_S), path=OIDC_URL, secure=is_secure, httponly=True, samesite="lax"
        )
        return response

    async def come_back(self, request: Request) -> Response:
        """From the provider: opens a session with the key of the person's role."""
        query, browser = request.query_params, request.cookies.get(COOKIE, "")
        pending = self._pending.take(query.get("state", ""), browser, time.monotonic())
        if pending is None:
            return self._sign_in.form("", f"This way back was used before, or took too long. {AGAIN}", 403)
        try:
            person, role = await self._person(query.get("code", ""), query.get("error", ""), query.get("iss"), pending)
            key = self._key(role)
        except (ProviderRefusal, BadSettings) as error:
            return self._refuse(pending.target, error)
        log.info("signed_in", role=role.word, how="oidc")
        return await self._sign_in.admit(request, key, pending.target, person)

    async def _person(self, code: str, error: str, issuer: str | None, pending: PendingSignIn) -> tuple[str, Role]:
        """Raises ProviderRefusal."""
        if error or not code:
            raise ProviderRefusal(f"it says {error or 'nothing'!r:.80}")
        if issuer is not None and issuer != self._settings.issuer:  # RFC 9207
            raise ProviderRefusal("the answer comes from another provider")
        claims = await self._provider.claims(code, pending.redirect_uri, nonce=pending.nonce, verifier=pending.verifier)
        person, role = person_of(claims, self._settings), role_of_person(claims, self._settings)
        if role is None:
            raise ProviderRefusal(f"{person} is in none of the groups that open the console")
        return person, role

    def _key(self, role: Role) -> str:
        """The key that stands for the role.  Raises BadSettings for one that does not open just that role."""
        key = self._settings.key(role.word)
        if self._sign_in.role_of(key) is not role:
            raise BadSettings(f"console.oidc.{role.word}_key is no valid key of the role {role.word}")
        return key

    def _refuse(self, target: str, error: Exception) -> Response:
        log.warning("sign_in_refused", detail=str(error))
        return self._sign_in.form(target, f"You could not be signed in: {error}. {AGAIN}", 403)


def _callback(request: Request, url: str) -> str:
    """Where the provider sends people back; it is registered there."""
    return f"{url or str(request.base_url).rstrip('/')}{CALLBACK_URL}"


def _digest(state: str) -> bytes:
    return sha256(state.encode()).digest()

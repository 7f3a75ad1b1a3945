"""Sign-in over OpenID Connect: the way to the provider, and the way back with a code."""

import secrets
import time
from dataclasses import dataclass, field

import orjson
import structlog
from cryptography.fernet import Fernet, InvalidToken
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
COOKIE = "recsys_console_oidc"
PENDING_S, MAX_TARGET = 600, 2_000  # bytes; browsers take no cookie above 4,096
AGAIN = "Sign in again; if it stays so, tell who runs this service."


def _token() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Somebody on the way to the provider and back."""

    target: str
    state: str = field(default_factory=_token)
    nonce: str = field(default_factory=_token)
    verifier: str = field(default_factory=_token)


class SignInCookies:
    """Those on the way, each in an encrypted cookie of their own browser: the console keeps nothing of a visitor.

    The key is made with the console, so that no cookie outlives it.
    """

    def __init__(self) -> None:
        self._cipher = Fernet(Fernet.generate_key())

    def seal(self, pending: PendingSignIn, now_s: float) -> str:
        """The value of the cookie."""
        return self._cipher.encrypt_at_time(orjson.dumps(pending), int(now_s)).decode()

    def open(self, cookie: str, state: str, now_s: float) -> PendingSignIn | None:
        """Whoever left with that cookie and that state, not too long ago; None for everybody else."""
        try:
            content = self._cipher.decrypt_at_time(cookie.encode(), PENDING_S, int(now_s))
        except InvalidToken:
            return None
        pending = PendingSignIn(**orjson.loads(content))
        return pending if secrets.compare_digest(pending.state.encode(), state.encode()) else None


class OidcSignIn:
    """The addresses that lead to the provider and back."""

    def __init__(self, sign_in: SignIn, settings: OidcSettings, provider: OpenIdProvider) -> None:
        self._sign_in = sign_in
        self._settings = settings
        self._provider = provider
        self._cookies = SignInCookies()

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
        pending, callback = PendingSignIn(_target(request)), self._callback(request)
        try:
            url = await self._provider.sign_in_url(
                callback, state=pending.state, nonce=pending.nonce, verifier=pending.verifier
            )
        except ProviderRefusal as error:
            return self._refuse(pending.target, error)
        response = RedirectResponse(url, 303)
        cookie, is_secure = self._cookies.seal(pending, time.monotonic()), callback.startswith("https:")
        response.set_cookie(COOKIE, cookie, PENDING_S, path=OIDC_URL, secure=is_secure, httponly=True, samesite="lax")
        return response

    async def come_back(self, request: Request) -> Response:
        """From the provider, once: its cookie is deleted, and the provider takes a code once."""
        cookie, state = request.cookies.get(COOKIE, ""), request.query_params.get("state", "")
        pending = self._cookies.open(cookie, state, time.monotonic())
        if pending is None:
            return self._sign_in.form("", f"This way back was used before, or took too long. {AGAIN}", 403)
        response = await self._admit(request, pending)
        response.delete_cookie(COOKIE, path=OIDC_URL, httponly=True, samesite="lax")
        return response

    async def _admit(self, request: Request, pending: PendingSignIn) -> Response:
        """Opens a session with the key of the person's role."""
        try:
            person, role = await self._person(request, pending)
            key = self._key(role)
        except (ProviderRefusal, BadSettings) as error:
            return self._refuse(pending.target, error)
        log.info("signed_in", role=role.word, how="oidc")
        return await self._sign_in.admit(request, key, pending.target, person)

    async def _person(self, request: Request, pending: PendingSignIn) -> tuple[str, Role]:
        """Raises ProviderRefusal."""
        code, error, issuer = map(request.query_params.get, ("code", "error", "iss"))
        if error or not code:
            raise ProviderRefusal(f"it says {error or 'nothing'!r:.80}")
        if issuer is not None and issuer != self._settings.issuer:  # RFC 9207
            raise ProviderRefusal("the answer comes from another provider")
        claims = await self._provider.claims(
            code, self._callback(request), nonce=pending.nonce, verifier=pending.verifier
        )
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

    def _callback(self, request: Request) -> str:
        """Where the provider sends people back; it is registered there."""
        return f"{self._settings.url or str(request.base_url).rstrip('/')}{CALLBACK_URL}"

    def _refuse(self, target: str, error: Exception) -> Response:
        log.warning("sign_in_refused", detail=str(error))
        return self._sign_in.form(target, f"You could not be signed in: {error}. {AGAIN}", 403)


def _target(request: Request) -> str:
    """The page that they wanted, as far as a cookie holds it."""
    return request.query_params.get("next", "").encode(errors="ignore")[:MAX_TARGET].decode(errors="ignore")

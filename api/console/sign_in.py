"""Sign-in with a key, sign-out, and the page that offers the ways in."""

import time
from urllib.parse import urlencode

from jinja2 import Environment
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.auth.api_keys import MAX_LENGTH
from api.console.forms.body_limit import FormRequest
from api.console.page import ROOT
from api.console.rendering import render
from api.console.roles import ROLE_BY_SCOPE, Role, role_of
from api.console.security import CSRF_FIELD, has_token, is_from_here
from api.console.sessions import COOKIE, Sessions

URL = f"{ROOT}/sign-in"
OIDC_URL = f"{URL}/oidc"
MAX_FORM_BYTES = 16_384


class SignIn:
    """The pages that are open to everybody.  account: what an OpenID provider is called, "" without one."""

    def __init__(self, env: Environment, sessions: Sessions, account: str = "") -> None:
        self._env = env
        self._sessions = sessions
        self._account = account

    async def show(self, request: Request) -> Response:
        """The form."""
        return self.form(request.query_params.get("next", ""), "")

    async def enter(self, request: Request) -> Response:
        """Opens a session for a key that may."""
        form = await _form(request)
        key, target = str(form.get("key", "")).strip(), str(form.get("next", ""))
        fault = _fault_of_request(request) or self._fault_of_key(key)
        if fault:
            return self.form(target, fault, 403)
        return await self.admit(request, key, target)

    async def admit(self, request: Request, key: str, target: str, person: str = "") -> Response:
        """Opens a session with a key that opens the console.  person: who it is, where the key does not say so."""
        token = await self._sessions.open(key.encode(), person, time.monotonic())
        response = RedirectResponse(_safe(target), 303)
        is_secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, path=ROOT, secure=is_secure, httponly=True, samesite="lax")
        return response

    async def leave(self, request: Request) -> Response:
        """Ends the session."""
        token = request.cookies.get(COOKIE, "")
        session = await self._sessions.current(token, time.monotonic())
        if session is not None:
            form = await _form(request)
            if not is_from_here(request) or not has_token(form.get(CSRF_FIELD), session.csrf):
                return Response("This form is not from this session; open the page anew.", 403, media_type="text/plain")
            await self._sessions.end(token)
        response = RedirectResponse(URL, 303)
        response.delete_cookie(COOKIE, path=ROOT, httponly=True, samesite="lax")
        return response

    def role_of(self, key: str) -> Role | None:
        """The role of a key, None for one that does not open the console."""
        return role_of(self._sessions.grant(key.encode()))

    def _fault_of_key(self, key: str) -> str:
        if not key:
            return "Put in the key that you were given; it begins with rk_."
        if len(key) > MAX_LENGTH or not key.isascii():
            return "This is no key: one has about 55 letters and digits and begins with rk_."
        grant = self._sessions.grant(key.encode())
        if role_of(grant) is not None:
            return ""
        if grant.denial == "expired_key":
            return "This key has expired; ask for another one."
        if grant.denial:
            return "This key is not known here, or was revoked; ask for another one."
        *most, last = reversed(ROLE_BY_SCOPE)
        return f"This key does not open the console: it needs the scope {', '.join(most)} or {last}."

    def form(self, target: str, fault: str, status: int = 200) -> Response:
        """The page with the ways in, and why the last one failed."""
        context = {"next": target, "fault": fault, "account": self._account, "account_url": OIDC_URL}
        return render(self._env, "sign_in.html", context, status)


def to_sign_in(request: Request) -> Response:
    """Sends somebody without a session to the form, and from there back to the page they wanted."""
    query = f"?{request.url.query}" if request.url.query else ""
    is_reading = request.method == "GET"
    words = {"next": request.url.path + query} if is_reading and request.url.path != ROOT + "/" else {}
    target = URL + (f"?{urlencode(words)}" if words else "")
    if request.headers.get("hx-request"):
        return Response(headers={"hx-redirect": target})
    return RedirectResponse(target, 303)


async def _form(request: Request) -> FormData:
    """A form of somebody who is not known yet.  Raises BodyTooLarge."""
    return await FormRequest(request.scope, request.receive, MAX_FORM_BYTES).form()


def _fault_of_request(request: Request) -> str:
    return "" if is_from_here(request) else "This form was sent from another site; sign in here."


def _safe(target: str) -> str:
    """The address within the console, its first page for any other one."""
    is_ours = target.startswith(f"{ROOT}/") and "\\" not in target and target.isprintable() and "/../" not in target
    return target if is_ours else f"{ROOT}/"

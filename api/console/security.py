"""Security of every answer of the console: headers that forbid foreign content, and the origin of a form."""

from collections.abc import Sequence
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_FOR_A_YEAR = "private, max-age=31536000, immutable"


class SecurityHeaders:
    """Adds the headers; pages are never stored by a browser or proxy, static files with a version are.

    picture_hosts: the only other hosts that a page may show anything of: pictures.
    """

    def __init__(self, app: ASGIApp, picture_hosts: Sequence[str] = ()) -> None:
        self.app = app
        policy = POLICY.format(images=" ".join(["'self'", "data:", *picture_hosts]))
        self._headers = {"content-security-policy": policy, **_HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_versioned = "/static/" in scope.get("path", "") and scope.get("query_string", b"").startswith(b"v=")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)  # a report has a policy of its own, which lets it do less
                headers["cache-control"] = _FOR_A_YEAR if is_versioned and message["status"] == 200 else "no-store"
            await send(message)

        await self.app(scope, receive, with_headers)


def is_from_here(request: Request) -> bool:
    """Whether a form was sent by a page of this console, as far as the browser says where it is from."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def has_token(given: object, csrf: str) -> bool:
    """Whether the form sent back the CSRF token of the session."""
    return isinstance(given, str) and compare_digest(given.encode(), csrf.encode())

"""Edge middleware: request id, deadline, log line, metrics, error boundary, authentication, limits and fast path.

`api/middleware/stack.py` says why this is one class.
"""

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.authentication import Headers
from api.errors.handlers import internal_error, response_of
from api.errors.refused import Refused
from api.middleware.body_limit import BodyLimit, content_length, too_large
from api.middleware.cors import cross_origin_headers, preflight_headers
from api.middleware.fast_path import EVENTS_ROUTE, USER_ROUTE, FastPath
from api.middleware.path_ids import keep_escaped_slashes
from api.recommendation_service import finished
from api.state import AppState

log = structlog.get_logger()

UNMATCHED = "unmatched"
PREFLIGHT = "preflight"
LIMITED = "limited"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
HUNG_UP = 499  # nobody is told this number; it stands in the metrics, as with other servers


class EdgeMiddleware:
    """ASGI around the app.  No exception leaves it, no body over the limit enters."""

    def __init__(self, app: ASGIApp, shortcuts: FastPath, service: AppState) -> None:
        self.app = app
        self.shortcuts = shortcuts
        self._guard = service.guard
        self._limits = service.limits
        self._load = service.load
        self._metrics = service.metrics
        self._body_limit = service.place.serve.body_limit
        self._prefix = secrets.token_hex(6)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        due = self._load.begin(started)
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        request_id = scope["request_id"] = (
            f"{self._prefix}-{next(self._numbers):x}" if given is None else self._named(given)
        )
        timeout = headers.get(b"x-timeout-ms")
        scope["due"] = due if timeout is None else self._load.within(due, timeout)
        origin = headers.get(b"origin")
        said = ResponseRecorder(send, request_id, cross_origin_headers(origin, self._guard.origins) if origin else ())
        route = ""
        try:
            route = await self._answered(scope, receive, said, headers)
        except Exception as error:
            if _is_hang_up(error):
                said.status = HUNG_UP
            else:
                log.exception("request_failed", route=_route(scope), request_id=request_id)
                if not said.status:
                    await said.json(500, internal_error())
        finally:
            self._load.end()
        seconds = time.perf_counter() - started
        route = route or _route(scope)
        self._metrics.request(route, said.status, seconds)
        log.debug("request", route=route, status=said.status, ms=round(seconds * 1_000, 3), request_id=request_id)

    def _named(self, given: bytes) -> str:
        """The id that came with the request where it is well-formed, else one of ours."""
        if _REQUEST_ID.fullmatch(given) is None:
            return f"{self._prefix}-{next(self._numbers):x}"
        return given.decode()

    def _limited(self, scope: Scope, said: "ResponseRecorder") -> Refused | None:
        """Counts the request, and says of its answer how many more there may be; why it is refused, when it is."""
        address = (scope.get("client") or ("",))[0]
        verdict = self._limits.take(scope["grant"], address, scope["path"])
        if verdict is None:
            return None
        said.more = [*said.more, *verdict.headers()]
        if verdict.is_allowed:
            return None
        return Refused("rate_limited", f"too many requests; ask again in {verdict.wait_s:.1f} s")

    async def _answered(self, scope: Scope, receive: Receive, said: "ResponseRecorder", headers: Headers) -> str:
        """Sends the answer; the route when it was a shortcut, else nothing.  What a key does not open, gates refuse."""
        keep_escaped_slashes(scope)
        grant = scope["grant"] = self._guard.grant_of(headers)
        if self._limits.is_on and (refusal := self._limited(scope, said)) is not None:
            await response_of(refusal)(scope, receive, said)
            return LIMITED
        if grant.may_read:
            body = await self.shortcuts.recommendations(scope)
            if body is not None:
                await said.json(200, finished(body, said.request_id))
                return USER_ROUTE
        if scope["method"] == "OPTIONS" and (allowed := preflight_headers(headers, self._guard.origins)) is not None:
            await said({"type": "http.response.start", "status": 204, "headers": allowed})
            await said({"type": "http.response.body", "body": b""})
            return PREFLIGHT
        if not _is_text(scope):
            await response_of(Refused("bad_request", "the path is no UTF-8; escape its bytes"))(scope, receive, said)
            return ""
        length = content_length(headers)
        if length is None:
            await self.app(scope, BodyLimit(receive, self._body_limit), said)
            return ""
        if length > self._body_limit:
            await response_of(too_large(self._body_limit))(scope, receive, said)
            return ""
        response = await self.shortcuts.events(scope, receive) if grant.may_send else None
        if response is None:
            await self.app(scope, receive, said)
            return ""
        await response(scope, receive, said)
        return EVENTS_ROUTE


class ResponseRecorder:
    """Passes on what the app says, under the request id, and remembers the status; 0 is nothing yet."""

    __slots__ = ("_send", "more", "request_id", "status")

    def __init__(self, send: Send, request_id: str, more: Sequence[tuple[bytes, bytes]]) -> None:
        self._send = send
        self.more = more
        self.request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", self.request_id.encode()),
                *self.more,
            ]
        await self._send(message)

    async def json(self, status: int, body: bytes) -> None:
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _is_hang_up(error: Exception) -> bool:
    """Whether the client went away in the middle, which is no fault of anybody."""
    if isinstance(error, ClientDisconnect | ConnectionError):
        return True
    return isinstance(error, RuntimeError) and "handler is closed" in str(error)  # uvloop's word for it


def _is_text(scope: Scope) -> bool:
    """Whether path and query are UTF-8.  Else all ids that are none would be one and the same customer."""
    raw: bytes = scope.get("raw_path", b"") + scope["query_string"]
    if b"%" not in raw:
        return True
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return True


def _route(scope: Mapping[str, Any]) -> str:
    """The template of the path; the path itself may hold a customer's id."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))

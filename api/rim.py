"""The outermost layer: every request gets an id, a measure and a log line; what is at hand is answered right here."""

import re
import secrets
import time
from collections.abc import Mapping
from itertools import count
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import Answers, Question, finished, plain_text
from api.errors import Refused, error_body, internal_error
from api.metrics import Metrics
from api.schemas import MAX_K

log = structlog.get_logger()

HOT_ROUTE = "/v1/users/{user_id:path}/recommendations"
UNMATCHED = "unmatched"
# Plain paths only: whatever is escaped, repeated or misspelt is for the route to judge.
_PATH = re.compile(r"/v1/users/([A-Za-z0-9_.~-]{1,128})/recommendations")
_QUERY = re.compile(rb"(?:k=([1-9][0-9]{0,2}))?(?:&?placement=([a-z0-9-]{1,64}))?")


class Hits:
    """Plain questions for a customer whose answer is cached, without the way through the routes.

    Gives the same bytes as the route; None is no answer, the route has it.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def find(self, scope: Scope) -> bytes | None:
        path = _PATH.fullmatch(scope["path"])
        if path is None or scope["method"] != "GET":
            return None
        query = _QUERY.fullmatch(scope["query_string"])
        if query is None or scope["query_string"][:1] == b"&":
            return None
        k = int(query[1] or 10)
        if k > MAX_K or (query[1] is not None and query[2] is not None and b"&" not in query[0]):
            return None
        placement = "home" if query[2] is None else query[2].decode()
        return self._answers.known(Question(path[1], plain_text(placement, k)))


class Rim:
    """ASGI around the app.  No exception leaves it, no body over the limit enters."""

    def __init__(self, app: ASGIApp, hits: Hits, metrics: Metrics, body_limit: int) -> None:
        self.app = app
        self.hits = hits
        self._metrics = metrics
        self._body_limit = body_limit
        self._prefix = secrets.token_hex(6)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = scope["request_id"] = f"{self._prefix}-{next(self._numbers):x}"
        said = _Said(send, request_id)
        try:
            body = self.hits.find(scope)
            if body is not None:
                await said.json(200, finished(body, request_id))
            else:
                await self._routed(scope, receive, said)
        except Exception:
            log.exception("request_failed", route=_route(scope), request_id=request_id)
            if not said.status:
                await said.json(500, internal_error())
        route = HOT_ROUTE if body is not None else _route(scope)
        seconds = time.perf_counter() - started
        self._metrics.request(route, said.status, seconds)
        log.debug("request", route=route, status=said.status, ms=round(seconds * 1_000, 3), request_id=request_id)

    async def _routed(self, scope: Scope, receive: Receive, said: "_Said") -> None:
        length = _content_length(scope["headers"])
        if length is not None and length > self._body_limit:
            error = _too_large(self._body_limit)
            await said.json(413, error_body(error.code, str(error)))
            return
        await self.app(scope, _Limited(receive, self._body_limit) if length is None else receive, said)


class _Said:
    """Passes on what the app says, under the request id, and remembers the status; 0 is nothing yet."""

    __slots__ = ("_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self._request_id)]
        await self._send(message)

    async def json(self, status: int, body: bytes) -> None:
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


class _Limited:
    """A body of unannounced length, up to the limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit:
            raise _too_large(self._limit)
        return message


def _too_large(limit: int) -> Refused:
    return Refused("body_too_large", f"the body is larger than {limit} bytes; send it in several requests")


def _content_length(headers: list[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def _route(scope: Mapping[str, Any]) -> str:
    """The template of the path; the path itself may hold a customer's id."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))

"""Edge middleware: request id, deadline, log line, metrics, error boundary, authentication, limits and fast path.

`api/middleware/stack.py` says why this is one class.
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.authentication import Headers
from api.errors.handlers import internal_error, response_of
from api.errors.refused import Refused
from api.middleware.body_limit import SMALL, BodyLimit, BodyMemory, content_length, too_large
from api.middleware.cors import cross_origin_headers, preflight_headers
from api.middleware.fast_path import EVENTS_ROUTE, FastPath, takes_events, takes_query
from api.middleware.path_ids import keep_escaped_slashes
from api.middleware.whole_answer import JSON, PENDING, SEND_WHOLE, Header, SendWhole, WholeAnswer, whole_of
from api.recommendation_service import PENDING as NO_PAYLOAD_YET
from api.recommendation_service import CacheableQuery, with_request_id
from api.state import AppState

log = structlog.get_logger()

Then = Callable[[WholeAnswer | None], None]

UNMATCHED = "unmatched"
PREFLIGHT = "preflight"
LIMITED = "limited"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
DISCONNECTED = 499  # in the metrics only, as with other servers: the client is gone
# A request with one of these takes the long way: its answer has more headers, its address is not that of the socket, or
# it has a deadline of its own.
_UNUSUAL = frozenset({b"origin", b"x-forwarded-for", b"x-forwarded-proto", b"x-timeout-ms"})

_ONCE = frozenset(
    {b"host", b"authorization", b"x-api-key", b"origin", b"content-type", b"x-request-id", b"x-timeout-ms"}
)


class EdgeMiddleware:
    """ASGI around the application.  No exception leaves it, no body over the limit enters."""

    def __init__(self, app: ASGIApp, fast_path: FastPath, state: AppState) -> None:
        self.app = app
        self.fast_path = fast_path
        self._authenticator = state.authenticator
        self._rate_limiter = state.rate_limiter
        self._load_shedder = state.load_shedder
        self._metrics = state.metrics
        self._logs_requests = state.config.serve.log_level == "debug"
        self._body_limit = state.config.serve.body_limit
        self._bodies = BodyMemory(max(state.config.serve.bodies_mb * 2**20, self._body_limit))
        self._prefix = secrets.token_hex(6)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        deadline, timeout = self._load_shedder.begin(started), headers.get(b"x-timeout-ms")
        scope["deadline"] = deadline if timeout is None else self._load_shedder.within(deadline, timeout)
        request_id = scope["request_id"] = self._request_id(headers)
        origin = headers.get(b"origin")
        cors = cross_origin_headers(origin, self._authenticator.origins) if origin else ()
        recorder = ResponseRecorder(send, request_id, cors, scope.pop(SEND_WHOLE, None))
        route = ""
        try:
            route = await self._respond(scope, receive, recorder, headers)
        except Exception as error:
            if _is_disconnect(error):
                recorder.status = DISCONNECTED
            else:
                log.exception("request_failed", route=_route(scope), request_id=request_id)
                if not recorder.status:
                    await recorder.whole(500, (JSON,), internal_error())
        finally:
            self._load_shedder.end()
        self._note(route or _route(scope), recorder.status, started, request_id)

    def answer_now(self, scope: Scope, body: bytes, then: Then) -> WholeAnswer | None:
        """The answer to a plain request by the rules of `__call__`; PENDING while it waits; see `AnswersNow`."""
        plain = self.fast_path.query(scope)
        headers = dict(scope["headers"])
        if self._rate_limiter.is_on or not _is_plain(scope, headers) or not _UNUSUAL.isdisjoint(headers):
            return None
        is_announced = plain is None and content_length(headers) == len(body) <= min(SMALL, self._body_limit)
        if is_announced and takes_events(scope):
            return self._events_now(headers, body, then)
        is_list = plain is not None or (is_announced and takes_query(scope))
        if not is_list or not self._authenticator.authenticate(headers).may_read:
            return None
        plain = plain or self.fast_path.body_query(body)
        return None if plain is None else self._list_now(scope, headers, plain, then)

    def _list_now(
        self, scope: Scope, headers: Headers, plain: tuple[str, CacheableQuery], then: Then
    ) -> WholeAnswer | None:
        route, query = plain
        started = time.perf_counter()
        request_id = scope["request_id"] = self._request_id(headers)
        scope["deadline"] = self._load_shedder.begin(started)

        def whole(payload: bytes | None) -> WholeAnswer | None:
            self._load_shedder.end()
            if payload is None:
                return None
            return self._whole((200, (JSON,), with_request_id(payload, request_id)), route, started, request_id)

        try:
            payload = self.fast_path.answer_now(query, scope, lambda payload: then(whole(payload)))
        except Exception:  # noqa: BLE001 - `__call__` meets the same error, logs it and answers with it
            payload = None
        return PENDING if payload is NO_PAYLOAD_YET else whole(payload)

    def _events_now(self, headers: Headers, body: bytes, then: Then) -> WholeAnswer | None:
        """The answer to events, PENDING until they are durable.  From here on the application is not called."""
        grant = self._authenticator.authenticate(headers)
        if not grant.may_send:
            return None
        started, request_id = time.perf_counter(), self._request_id(headers)
        self._load_shedder.begin(started)

        def whole(answer: WholeAnswer) -> WholeAnswer:
            self._load_shedder.end()
            return self._whole(answer, EVENTS_ROUTE, started, request_id)

        try:
            answer = self.fast_path.events_now(body, grant, lambda answer: then(whole(answer)))
        except Exception:  # noqa: BLE001 - nothing is stored yet, and `__call__` meets the same error
            self._load_shedder.end()
            return None
        return PENDING if answer is None else whole(answer)

    def _whole(self, answer: WholeAnswer, route: str, started: float, request_id: str) -> WholeAnswer:
        status, headers, body = answer
        self._note(route, status, started, request_id)
        return status, (*headers, (b"x-request-id", request_id.encode())), body

    def _note(self, route: str, status: int, started: float, request_id: str) -> None:
        seconds = time.perf_counter() - started
        self._metrics.request(route, status, seconds)
        if self._logs_requests:
            log.debug("request", route=route, status=status, ms=round(seconds * 1_000, 3), request_id=request_id)

    def _request_id(self, headers: Headers) -> str:
        """The id that came with the request when it is well-formed, else one of ours."""
        given = headers.get(b"x-request-id")
        if given is None or _REQUEST_ID.fullmatch(given) is None:
            return f"{self._prefix}-{next(self._numbers):x}"
        return given.decode()

    def _rate_limited(self, scope: Scope, recorder: "ResponseRecorder") -> Refused | None:
        """Counts the request, and adds the headers of the rate limit to its answer; the refusal, when it is refused."""
        address = (scope.get("client") or ("",))[0]
        decision = self._rate_limiter.take(scope["grant"], address, scope["path"])
        if decision is None:
            return None
        recorder.extra_headers = [*recorder.extra_headers, *decision.headers()]
        if decision.is_allowed:
            return None
        return Refused("rate_limited", f"too many requests; ask again in {decision.wait_s:.1f} s")

    async def _respond(self, scope: Scope, receive: Receive, recorder: "ResponseRecorder", headers: Headers) -> str:
        """Sends the answer; returns the label of the route when the application did not run, else nothing.

        A request whose key does not allow it goes on to the application, where `ScopeMiddleware` refuses it.
        """
        keep_escaped_slashes(scope)
        grant = scope["grant"] = self._authenticator.authenticate(headers)
        if self._rate_limiter.is_on and (refusal := self._rate_limited(scope, recorder)) is not None:
            await response_of(refusal)(scope, receive, recorder)
            return LIMITED
        if grant.may_read and _is_plain(scope, headers):
            plain = await self.fast_path.recommendations(scope)
            if plain is not None:
                route, payload = plain
                await recorder.whole(200, (JSON,), with_request_id(payload, recorder.request_id))
                return route
        if scope["method"] == "OPTIONS":
            allowed = preflight_headers(headers, self._authenticator.origins)
            if allowed is not None:
                await recorder({"type": "http.response.start", "status": 204, "headers": allowed})
                await recorder({"type": "http.response.body", "body": b""})
                return PREFLIGHT
        problem = _problem(scope, headers)
        if problem:
            await response_of(Refused("bad_request", problem))(scope, receive, recorder)
            return ""
        length = content_length(headers)
        if length is None:
            body = BodyLimit(receive, self._body_limit, self._bodies)
            try:
                await self.app(scope, body, recorder)
            finally:
                body.release()
            return ""
        if length > self._body_limit:
            await response_of(too_large(self._body_limit))(scope, receive, recorder)
            return ""
        if length <= SMALL:
            return await self._with_body(scope, receive, recorder)
        try:
            self._bodies.take(length)
        except Refused as refusal:
            await response_of(refusal)(scope, receive, recorder)
            return ""
        try:
            return await self._with_body(scope, receive, recorder)
        finally:
            self._bodies.give_back(length)

    async def _with_body(self, scope: Scope, receive: Receive, recorder: "ResponseRecorder") -> str:
        grant = scope["grant"]
        response = await self.fast_path.events(scope, receive) if grant.may_send else None
        if response is None and grant.may_read:
            response = await self.fast_path.lists(scope, receive)
        if response is None:
            await self.app(scope, receive, recorder)
            return ""
        await recorder.whole(*whole_of(response))
        return str(scope["path"])


class ResponseRecorder:
    """`send` that adds the request id and records the status; status 0: nothing was sent yet."""

    __slots__ = ("_send", "_send_whole", "extra_headers", "request_id", "status")

    def __init__(
        self, send: Send, request_id: str, extra_headers: Sequence[Header], send_whole: SendWhole | None = None
    ) -> None:
        self._send = send
        self._send_whole = send_whole
        self.extra_headers = extra_headers
        self.request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._with_own(message["headers"])
        await self._send(message)

    async def whole(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Sends an answer whose body is complete.  headers: without the length of the body."""
        if self._send_whole is not None and self._send_whole((status, self._with_own(headers), body)):
            self.status = status
            return
        headers = ((b"content-length", b"%d" % len(body)), *headers)
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def _with_own(self, headers: Sequence[Header]) -> list[Header]:
        return [*headers, (b"x-request-id", self.request_id.encode()), *self.extra_headers]


def _is_disconnect(error: Exception) -> bool:
    """Whether the client disconnected during the request, which is no fault of the service."""
    if isinstance(error, ClientDisconnect | ConnectionError):
        return True
    return isinstance(error, RuntimeError) and "handler is closed" in str(error)  # uvloop's message


def _is_plain(scope: Scope, headers: Headers) -> bool:
    """Whether each header stands there once, and Host is among them; of the others `_problem` knows more."""
    return len(headers) == len(scope["headers"]) and b"host" in headers


def _problem(scope: Scope, headers: Headers) -> str:
    """What is wrong with the head of a request, in words; nothing for most."""
    if b"host" not in headers and scope["http_version"] == "1.1":
        return "the header host is missing; HTTP/1.1 requires it (RFC 9112, section 3.2)"
    if len(headers) < len(scope["headers"]):
        names = [name for name, _ in scope["headers"] if name in _ONCE]
        doubled = next((name.decode() for name in names if names.count(name) > 1), None)
        if doubled is not None:
            return f"the header {doubled} stands there twice, and whoever is in front may have read the other one"
    return "" if _is_utf8(scope) else "the path is no UTF-8; escape its bytes"


def _is_utf8(scope: Scope) -> bool:
    """Whether path and query are UTF-8.  Otherwise all ids that are not would be decoded to the same id."""
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

"""HTTP protocol of a connection: idle time, size and time of arrival of a request, and draining at the end."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import httptools
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.errors.body import error_body
from api.middleware.whole_answer import PENDING, SEND_WHOLE, AnswersNow, WholeAnswer
from api.server.unsent_answers import UnsentAnswers

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

HEADER_LIMIT = 65_536  # bytes of request line and headers; of chunk extensions and trailers once more
WRITE_BUFFER = (
    16_384  # bytes of an answer that a connection may hold before its client counts as one that does not read
)
MAX_HEADERS = 512  # of a request: each takes ten times its bytes in memory
MAX_PIPELINED = 256  # requests of a connection that wait for the answer to an earlier one
_CHUNK = (
    9  # bytes that come with each byte of a body in the smallest chunks, itself included: 1 CR LF x CR LF, and some
)
_RECHECK_S = 0.02
_LINGER_S = 1.0
_FINAL = tuple(b"HTTP/1.1 %d" % first for first in (2, 3, 4, 5))  # not an interim answer (1xx)
_HEAD_END = b"\r\n\r\n"
_CLOSE = (b"connection", b"close")
_ANSWERED_NOW = frozenset({"GET", "POST"})
_BAD_REQUEST = error_body("bad_request", "this is no HTTP/1.1 request; see RFC 9112")
_HEADERS_TOO_LARGE = error_body(
    "headers_too_large",
    f"request line and headers, or what comes beside the body, are larger than {HEADER_LIMIT} bytes together",
)
_TOO_SLOW = error_body("too_slow", "the request took too long to arrive; send it again")


class _Dropped(list[tuple[bytes, bytes]]):
    """Where trailers go: the parser appends each to the headers, and nothing reads them."""

    def append(self, _header: tuple[bytes, bytes]) -> None:
        pass


_TRAILERS = _Dropped()


class _BufferedTransport:
    """A transport that holds the head of an answer back until the first part of its body.

    Both go out in one system call: a second one would take a sixth of the time of a short answer.
    """

    __slots__ = ("_has_ended", "_head", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._has_ended = False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if self._has_ended:  # an answer to a request before the one that was refused
            return
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_FINAL) and data.endswith(_HEAD_END):
            self._head = data
            return
        self._send(data)

    def flush(self) -> None:
        """Sends a head that no body follows."""
        if self._head:
            self._send(self._head)
            self._head = b""

    def _send(self, data: bytes) -> None:
        """Writes, or drops what nobody can receive: the protocol hears of a lost connection a moment after its end."""
        try:
            self._transport.write(data)
        except RuntimeError:
            if not self._transport.is_closing():
                raise

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        self.flush()
        self._has_ended = True
        self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpConnection(HttpToolsProtocol):
    """A connection that is never closed while a request of its client waits.

    arrival_s: a request that is incomplete after that (at the latest after twice that) ends its connection.
    drain_s: when the worker ends, an open connection may send one more request for that long.
    unsent: shared by all connections of the worker.
    """

    def __init__(self, *args: Any, arrival_s: float, drain_s: float, unsent: UnsentAnswers, **more: Any) -> None:
        super().__init__(*args, **more)
        self._unsent = unsent
        self._arrival_s = arrival_s
        self._drain_s = drain_s
        self._n_waiting = 0  # bytes of a request whose headers are incomplete
        self._n_beside = 0  # bytes that come beside a body: chunk sizes, their extensions, trailers
        self._n_body = 0  # bytes of a body in the data that is being read
        self._is_refused = False
        self._answered: RequestResponseCycle | None = None  # the request that is being answered
        self._arriving: object = None
        self._watching: asyncio.TimerHandle | None = None
        app = self.app.app if isinstance(self.app, ProxyHeadersMiddleware) else self.app
        self._answers_now = app if isinstance(app, AnswersNow) else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(WRITE_BUFFER)
        self.transport = cast(asyncio.Transport, _BufferedTransport(transport))
        self._watching = self.loop.call_later(self._arrival_s, self._watch)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent.add(self.transport, self.loop, self._arrival_s)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unsent.remove(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unsent.remove(self.transport)
        if self._watching is not None:
            self._watching.cancel()
        super().connection_lost(exc)
        if self._answered is not None:  # uvicorn tells the newest request of a pipeline only
            self._answered.disconnected = not self._answered.response_complete
            self._answered.message_event.set()
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        self._answered = self.cycle = None  # type: ignore[assignment]  # cycles of references stay in memory for long

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        """Plain requests are answered in the next turn of the event loop as all are, but without a task."""
        self._answered = cycle
        if self._answers_now is not None and cycle.scope["method"] in _ANSWERED_NOW:
            self.loop.call_soon(self._answer_now, self._answers_now, cycle, app)
        else:
            self._start_task(cycle, app)

    def _answer_now(self, answers_now: AnswersNow, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        answer = None
        if self._may_send_whole(cycle):
            then = partial(self._send_or_start, cycle, app)
            answer = answers_now.answer_now(cast(Scope, cycle.scope), bytes(cycle.body), then)
        if answer is not PENDING:
            self._send_or_start(cycle, app, answer)

    def _send_or_start(self, cycle: RequestResponseCycle, app: "ASGI3Application", answer: WholeAnswer | None) -> None:
        if answer is None:
            self._start_task(cycle, app)
        elif not cycle.disconnected:
            self._send_whole(cycle, answer)

    def _start_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        cycle.scope[SEND_WHOLE] = partial(self._try_whole, cycle)  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, app)

    def _may_send_whole(self, cycle: RequestResponseCycle) -> bool:
        """Whether an answer goes out at once and keeps the connection: its request was read, and it has room."""
        is_ready = cycle.keep_alive and not cycle.more_body and cycle.scope["method"] != "HEAD"
        return is_ready and not (cycle.response_started or cycle.disconnected or self.flow.write_paused)

    def _try_whole(self, cycle: RequestResponseCycle, answer: WholeAnswer) -> bool:
        if not self._may_send_whole(cycle):
            return False
        self._send_whole(cycle, answer)
        return True

    def _send_whole(self, cycle: RequestResponseCycle, answer: WholeAnswer) -> None:
        """Sends status, headers and body in one piece."""
        status, headers, body = answer
        headers = (*self.server_state.default_headers, *headers)
        closes = not cycle.keep_alive  # the worker began to end while the answer was made
        if closes and _CLOSE not in headers:
            headers = (*headers, _CLOSE)
        lines = [b"%b: %b\r\n" % header for header in headers]
        length = b"content-length: %d\r\n" % len(body)
        self.transport.write(b"".join((STATUS_LINE[status], length, *lines, b"\r\n", body)))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if closes or _CLOSE in headers:
            self.transport.close()
        cycle.on_response()

    def on_response_complete(self) -> None:
        cast(_BufferedTransport, self.transport).flush()
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if len(data) > HEADER_LIMIT and self._has_long_headers(data):
            self._refuse(431, _HEADERS_TOO_LARGE)
            return
        self._n_body = 0
        self._feed(data)
        cycle = self.cycle
        if self.scope is None or (cycle is not None and cycle.scope is self.scope):
            self._n_waiting = 0
            if cycle is None or not cycle.more_body:
                return
            self._n_beside = max(0, self._n_beside + len(data) - _CHUNK * self._n_body)
        else:
            self._n_waiting += len(data) if self._n_waiting else 1
        too_many = self._n_waiting and len(self.headers) > MAX_HEADERS
        if too_many or self._n_waiting > HEADER_LIMIT or self._n_beside > HEADER_LIMIT:
            self._refuse(431, _HEADERS_TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        """Parses what arrived, as uvicorn does, but for requests that offer another protocol."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._ignore_upgrade(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400, _BAD_REQUEST)

    def _should_upgrade(self) -> bool:
        """uvicorn leaves a request that offers another protocol (`Upgrade: h2c`) alone; `_ignore_upgrade` follows."""
        return True

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Reads the request again without its offer: a server may ignore it (RFC 9110, section 7.8).

        The parser takes what follows such an offer for another protocol, and the body would be lost.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(400, _BAD_REQUEST)
            return
        lines = [b"%b %b HTTP/%b" % (method, self.url, self.parser.get_http_version().encode())]
        for name, value in self.scope["headers"]:
            if name == b"connection":
                value = b", ".join(token for token in value.split(b",") if token.strip().lower() != b"upgrade")
            if name != b"upgrade" and (value or name != b"connection"):
                lines.append(b"%b: %b" % (name, value))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(b"\r\n".join((*lines, b"", rest)))

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.headers = _TRAILERS
        self._n_beside = -HEADER_LIMIT  # the headers come with these bytes
        if len(self.pipeline) > MAX_PIPELINED:
            raise ValueError("too many requests without reading an answer")  # the parser stops: `_feed` refuses

    def on_body(self, body: bytes) -> None:
        self._n_body += len(body)
        super().on_body(body)

    def timeout_keep_alive_handler(self) -> None:
        """Closes an idle connection, unless the next request arrived while this process could not read it.

        Timers run before sockets are read.  After a pause (a suspended machine, a worker waiting for the processor)
        closing at once would reset a connection that holds a request already.
        """
        self.timeout_keep_alive_task = self.loop.call_later(_RECHECK_S, super().timeout_keep_alive_handler)

    def shutdown(self) -> None:
        """The worker ends: requests that still come are answered, with `connection: close`."""
        if _CLOSE not in self.server_state.default_headers:
            self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self._drain_s, self.timeout_keep_alive_handler)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, _BAD_REQUEST)

    def _has_long_headers(self, data: bytes) -> bool:
        """Whether these bytes begin a request whose headers do not end within the limit."""
        is_new = self.scope is None or (self.cycle is not None and not self.cycle.more_body)
        return is_new and data.find(b"\r\n\r\n", 0, HEADER_LIMIT) < 0

    def _watch(self) -> None:
        """Refuses a request that is still arriving since the last call."""
        before, self._arriving = self._arriving, self._incomplete()
        if before is self is self._arriving:  # the client never sent a byte
            self.transport.close()
        elif before is not None and before is self._arriving:
            self._refuse(408, _TOO_SLOW)
        else:
            self._watching = self.loop.call_later(self._arrival_s, self._watch)

    def _incomplete(self) -> object:
        """An object for the request that has not arrived completely; None when there is none."""
        begun: object = self.scope
        if begun is None:
            return self
        if self.cycle is None or self.cycle.scope is not self.scope:
            return self.scope
        return self.cycle if self.cycle.more_body else None

    def _refuse(self, status: int, body: bytes) -> None:
        """Sends the last answer of this connection, after the answer to an earlier request that is in progress.

        What still arrives is read and dropped for a moment: closing at once would reset the connection, and a client
        that is still sending would lose the answer.
        """
        cycle = self.cycle
        if cycle is not None and cycle.scope is not self.scope and not cycle.response_complete:
            cycle.keep_alive = False
            self.flow.pause_reading()
            return
        self._is_refused = True
        self.pipeline.clear()
        if cycle is not None and cycle.scope is self.scope and cycle.response_started:
            self.transport.close()
            return
        if cycle is not None and cycle.scope is self.scope:
            cycle.disconnected = True
            cycle.message_event.set()
        lines = (b"content-type: application/json", b"content-length: %d" % len(body), b"connection: close")
        self.transport.write(STATUS_LINE[status] + b"\r\n".join((*lines, b"", body)))
        self.transport.write_eof()
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(_LINGER_S, self.transport.close)

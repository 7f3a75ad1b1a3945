"""HTTP protocol: answers without a task leave in one piece and in order, all others go to the application."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api.middleware.whole_answer import PENDING, SEND_WHOLE, WholeAnswer
from api.server.http_protocol import HttpConnection
from api.server.unsent_answers import UnsentAnswers

Then = Callable[[WholeAnswer | None], None]
WHOLE: WholeAnswer = (200, ((b"content-type", b"text/plain"),), b"whole")


class Application:
    """Paths: /now is answered at once, /later in a moment, /never by the application after a wait; POST is echoed."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.has_ended = asyncio.Event()
        self.has_ended.set()

    def answer_now(self, scope: Scope, body: bytes, then: Then) -> WholeAnswer | None:
        if scope["method"] == "POST":
            return 200, (), body.upper()
        if scope["path"] in ("/later", "/never"):
            answer = WHOLE if scope["path"] == "/later" else None
            asyncio.get_running_loop().call_later(0.001, then, answer)
            return PENDING
        return WHOLE if scope["path"] == "/now" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called.append(scope["path"])
        body = (await receive())["body"] or b"long"
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


def answers(request: bytes, n: int, app: Application, state: ServerState | None = None) -> list[tuple[bytes, bytes]]:
    """Head and body of n answers to these bytes on one connection; empty where the service closed it before."""

    async def talk() -> list[tuple[bytes, bytes]]:
        loop, config = asyncio.get_running_loop(), uvicorn.Config(app, ws="none", log_config=None)
        config.load()
        connect = partial(
            HttpConnection, config=config, server_state=state or ServerState(), app_state={}, arrival_s=5.0,
            drain_s=0.1, unsent=UnsentAnswers(2**20),
        )  # fmt: skip
        async with await loop.create_server(connect, "127.0.0.1") as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(request)
            read = [await next_answer(reader) for _ in range(n)]
            writer.close()
            await writer.wait_closed()
            async with asyncio.timeout(60):
                await app.has_ended.wait()
        return read

    return asyncio.run(talk())


async def next_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b"", b""
    lines = dict(line.split(b": ", 1) for line in head.strip().split(b"\r\n")[1:])
    return head, await reader.readexactly(int(lines[b"content-length"]))


def bodies(request: bytes, n: int, app: Application) -> list[bytes]:
    return [body for _, body in answers(request, n, app)]


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: shop", *lines, "", "")).encode()


@pytest.mark.parametrize("path", ["/now", "/later"])
def test_an_answer_that_waits_for_nothing_leaves_without_the_application(path: str) -> None:
    app = Application()
    assert bodies(get(path), 1, app) == [b"whole"]
    assert app.called == []


@pytest.mark.parametrize("path", ["/other", "/never"])
def test_what_has_no_answer_at_once_goes_to_the_application(path: str) -> None:
    app = Application()
    assert bodies(get(path), 1, app) == [b"long"]
    assert app.called == [path]


def test_answers_leave_in_the_order_of_the_requests() -> None:
    request = b"".join(map(get, ("/later", "/now", "/other", "/never", "/now")))
    assert bodies(request, 5, Application()) == [b"whole", b"whole", b"long", b"long", b"whole"]


def test_a_body_that_was_read_comes_with_its_request() -> None:
    post = b"POST /echo HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nsent"
    app = Application()
    assert bodies(post + get("/now") + post, 3, app) == [b"SENT", b"whole", b"SENT"]
    assert app.called == []


def test_a_request_that_ends_the_connection_goes_to_the_application() -> None:
    app = Application()
    assert bodies(get("/now") + get("/now", "Connection: close"), 3, app) == [b"whole", b"long", b""]
    assert app.called == ["/now"]


def test_an_answer_that_comes_while_the_worker_ends_is_the_last_of_its_connection() -> None:
    state = ServerState()

    class Ending(Application):
        def answer_now(self, scope: Scope, body: bytes, then: Then) -> WholeAnswer | None:
            for connection in list(state.connections):
                connection.shutdown()
            return WHOLE

    (head, body), last = answers(get("/now"), 2, Ending(), state)
    assert b"\r\nconnection: close\r\n" in head
    assert (body, last) == (b"whole", (b"", b""))


class Patient(Application):
    """Answers when the client has left: `heard` is what `receive` gave then."""

    def __init__(self) -> None:
        super().__init__()
        self.has_ended.clear()
        self.heard = ""
        self.error: Exception | None = None
        self.connection: weakref.ref[object] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called.append(scope["path"])
        self.connection = weakref.ref(scope.pop(SEND_WHOLE).func.__self__)
        await receive()
        self.heard = (await receive())["type"]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        except RuntimeError as error:
            self.error = error
        self.has_ended.set()


@pytest.mark.parametrize("n_behind", [0, 1, 3])
def test_the_request_that_is_answered_hears_that_its_client_left_and_its_answer_is_dropped(n_behind: int) -> None:
    app = Patient()
    assert answers(get("/other") + n_behind * get("/other"), 0, app) == []
    assert (app.called, app.heard, app.error) == (["/other"], "http.disconnect", None)


def test_a_connection_that_ended_leaves_no_reference_cycle() -> None:
    """A worker searches for cycles rarely: they would stay in its memory."""
    app = Patient()
    gc.disable()
    try:
        answers(get("/other") + get("/other"), 0, app)
        assert app.connection is not None
        assert app.connection() is None
    finally:
        gc.enable()


def test_the_headers_of_the_server_are_in_every_answer() -> None:
    state = ServerState()
    state.default_headers = [(b"date", b"today")]
    ((head, body),) = answers(get("/now"), 1, Application(), state)
    assert head == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ndate: today\r\ncontent-type: text/plain\r\n\r\n"
    assert body == b"whole"

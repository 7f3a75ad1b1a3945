"""Connections: a request that waits is never cut off, and a slow or endless one does not hold up others."""

import json
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.server.http_protocol import HEADER_LIMIT
from tests.bench.servers import Server
from tests.resilience.running import ASK, Line, pids_of, service, stopped

ARRIVAL_S = 0.6


@pytest.fixture(scope="module")
def server(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"RECSYS_SERVE_KEEP_ALIVE_S": "1", "RECSYS_SERVE_ARRIVAL_S": str(ARRIVAL_S)}
    home = Path(shutil.copytree(trained_home, tmp_path_factory.mktemp("connections") / "home"))
    with service(home, settings) as running:
        yield running


def test_a_request_to_a_worker_that_stands_still_is_answered_however_long_it_takes(server: Server) -> None:
    with Line(server.port) as line:
        line.say(ASK)
        assert line.hear()[0] == 200
        with stopped(*pids_of(server)):
            line.say(ASK)
            time.sleep(1.3)  # longer than an idle connection is kept
        assert line.hear()[0] == 200


def test_an_answer_without_a_body_leaves_at_once_and_the_next_follows(server: Server) -> None:
    with Line(server.port) as line:
        line.say(b"HEAD /nothing HTTP/1.1\r\nHost: shop\r\n\r\n")
        head = line.hear_head()
        assert head.startswith(b"HTTP/1.1 404 ")
        line.say(ASK)
        assert line.hear()[0] == 200
        line.say(b"OPTIONS /v1/events HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        assert line.hear_all().startswith(b"HTTP/1.1 ")


def test_a_connection_that_was_idle_for_long_is_closed(server: Server) -> None:
    with Line(server.port) as line:
        line.say(ASK)
        assert line.hear()[0] == 200
        assert line.hear_all() == b""


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /v1/users/u",
        b"GET /livez HTTP/1.1\r\nHost: shop\r\nX-",
        b'POST /v1/events HTTP/1.1\r\nHost: shop\r\nContent-Length: 90\r\n\r\n{"user_id"',
        b"POST /v1/recommendations HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_a_request_that_never_completes_ends_its_connection(server: Server, begun: bytes) -> None:
    with Line(server.port) as slow:
        slow.say(begun)
        status, body = slow.hear()
        assert status == 408
        assert json.loads(body)["error"]["code"] == "too_slow"
        assert slow.hear_all() == b""


def test_a_connection_without_any_byte_is_closed_without_an_answer(server: Server) -> None:
    with Line(server.port) as line:
        assert line.hear_all() == b""


def test_a_client_that_sends_slowly_but_steadily_is_cut_off_too(server: Server) -> None:
    with Line(server.port) as slow:
        slow.say(b"GET /livez HTTP/1.1\r\n")
        ends = time.monotonic() + 60
        try:
            while time.monotonic() < ends:
                slow.say(b"X-More: 1\r\n")
                time.sleep(0.1)
        except OSError:
            return
        raise AssertionError("a request without an end was listened to for a minute")


def test_hundreds_of_slow_clients_do_not_keep_others_waiting(server: Server) -> None:
    lines = [Line(server.port) for _ in range(300)]
    try:
        for line in lines:
            line.say(ASK[:30])
        with Line(server.port) as other:
            for _ in range(20):
                other.say(ASK)
                assert other.hear()[0] == 200
    finally:
        for line in lines:
            line.__exit__(None, None, None)


@pytest.mark.parametrize("part", [b"X-Long: " + 90_000 * b"x", 9_000 * b"X-Many: x\r\n", b"X-Cut: " + 300_000 * b"y"])
def test_headers_are_counted_as_they_come_and_refused_beyond_the_limit(server: Server, part: bytes) -> None:
    assert len(part) > HEADER_LIMIT
    with Line(server.port) as line:
        line.say(b"GET /livez HTTP/1.1\r\n" + part + b"\r\n\r\n")
        assert line.hear()[0] == 431


def test_a_path_of_any_length_is_counted_with_the_headers(server: Server) -> None:
    with Line(server.port) as line:
        line.say(b"GET /" + 100_000 * b"a")
        assert line.hear()[0] == 431


@pytest.mark.parametrize("words", [b"nonsense\r\n\r\n", b"\x00\xff\x00\xff\r\n\r\n", b"GET  HTTP/9.9\r\n\r\n"])
def test_a_request_that_is_no_http_gets_the_usual_error_body(server: Server, words: bytes) -> None:
    with Line(server.port) as line:
        line.say(words)
        status, body = line.hear()
        assert status == 400
        assert json.loads(body)["error"]["code"] == "bad_request"


def test_garbage_after_a_request_does_not_lose_its_answer(server: Server) -> None:
    with Line(server.port) as line:
        line.say(ASK + b"nonsense\r\n\r\n")
        status, body = line.hear()
        assert status == 200
        assert len(json.loads(body)["items"]) == 3


def test_a_large_body_before_the_next_request_is_not_taken_for_headers(server: Server) -> None:
    body = b" " * 900_000 + b"{}"
    post = b"POST /v1/recommendations HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n" % len(body)
    with Line(server.port) as line:
        line.say(post + body + ASK)
        assert line.hear()[0] == 200
        assert line.hear()[0] == 200


def test_a_worker_may_hold_as_many_connections_as_the_system_allows(server: Server) -> None:
    (pid,) = pids_of(server)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    assert soft == hard

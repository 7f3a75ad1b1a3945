"""Connections: a request that waits is never cut off, and a slow or endless one does not hold up others."""

import json
import re
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from api.server.http_protocol import HEADER_LIMIT
from tests.bench.servers import Server
from tests.homes import copy_home
from tests.resilience.running import ASK, Line, memory_of, pids_of, service, stopped, url_of

ARRIVAL_S = 0.6


@pytest.fixture(scope="module")
def server(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        "RECSYS_SERVE_KEEP_ALIVE_S": "1",
        "RECSYS_SERVE_ARRIVAL_S": str(ARRIVAL_S),
        "RECSYS_SERVE_UNSENT_MB": "16",
    }
    home = copy_home(trained_home, tmp_path_factory.mktemp("connections") / "home")
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


def test_more_headers_than_any_client_sends_are_refused_before_they_end(server: Server) -> None:
    with Line(server.port) as line:
        line.say(b"GET /livez HTTP/1.1\r\n" + 600 * b"X: y\r\n")
        assert line.hear()[0] == 431


def test_a_refused_connection_sends_nothing_after_the_refusal(server: Server) -> None:
    """Requests before the refused one may still be in progress."""
    with Line(server.port) as line:
        line.say(5_000 * b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert b"HTTP/1.1 400 " in line.hear_all()
    assert 'status="500"' not in httpx.get(f"{url_of(server)}/metrics", timeout=60).text


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


@pytest.mark.parametrize("offer", [b"h2c", b"websocket", b"TLS/1.0, h2c"])
@pytest.mark.parametrize("connection", [b"Upgrade, HTTP2-Settings", b"keep-alive, upgrade"])
def test_an_offer_of_another_protocol_is_ignored_and_the_body_is_read(
    server: Server, offer: bytes, connection: bytes
) -> None:
    body = b'{"user_id": "user-002", "k": 3}'
    head = b"POST /v1/recommendations HTTP/1.1\r\nHost: shop\r\nConnection: %b\r\nUpgrade: %b\r\n" % (connection, offer)
    head += b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with Line(server.port) as line:
        line.say(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        line.say(head + chunked + ASK)
        line.say(head[:90])
        time.sleep(0.1)
        line.say(head[90:] + b"Content-Length: %d\r\n\r\n" % len(body) + body[:5])
        time.sleep(0.1)
        line.say(body[5:])
        for _ in range(4):
            status, answer = line.hear()
            assert status == 200
            assert len(json.loads(answer)["items"]) == 3


@pytest.mark.parametrize("path", [b"/livez", b"/v1/users/user-002/recommendations"])
def test_a_request_without_a_host_is_refused_unless_it_is_of_http_1_0(server: Server, path: bytes) -> None:
    with Line(server.port) as line:
        line.say(b"GET %b HTTP/1.1\r\n\r\n" % path)
        status, body = line.hear()
        assert (status, json.loads(body)["error"]["code"]) == (400, "bad_request")
    with Line(server.port) as line:
        line.say(b"GET /livez HTTP/1.0\r\n\r\n")
        assert line.hear_all().startswith(b"HTTP/1.1 200 ")


def test_a_tunnel_is_refused(server: Server) -> None:
    with Line(server.port) as line:
        line.say(b"CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n")
        assert line.hear()[0] == 400


@pytest.mark.parametrize("path", [b"/livez", b"/v1/recommendations", b"/v1/events"])
@pytest.mark.parametrize(
    "beside", [b"0\r\n" + 3_000 * b"X-Trailer: x\r\n", b"0\r\nX-Long: " + 65_536 * b"x", b"1;" + 65_536 * b"x"]
)
def test_what_comes_beside_a_body_is_counted_as_it_comes(server: Server, path: bytes, beside: bytes) -> None:
    (pid,) = pids_of(server)
    before = memory_of(pid)
    with Line(server.port) as line:
        line.say(b"POST %b HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n" % path)
        with suppress(OSError):  # when the service has closed
            for _ in range(2_000):
                line.say(beside)
                beside = beside.removeprefix(b"0\r\n")
                assert memory_of(pid) - before < 10 * 2**20
            assert line.hear()[0] in (405, 431)


def test_a_body_in_the_smallest_chunks_is_read(server: Server) -> None:
    body = b'{"user_id": "user-002", "k": 3}' + 40_000 * b" "
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    with Line(server.port) as line:
        line.say(b"POST /v1/recommendations HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n")
        line.say(chunks + b"0\r\nX-Request-Id: trailer\r\n\r\n")
        head = line.hear_head()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"trailer" not in head  # a trailer is no header


def test_clients_that_do_not_read_hold_a_bounded_part_of_the_memory(server: Server) -> None:
    (pid,) = pids_of(server)
    asks = json.dumps([{"user_id": f"user-{n:03}", "k": 100, "explain": True} for n in range(256)]).encode()
    post = b"POST /v1/recommendations:batch HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n" % len(asks)
    with Line(server.port) as reader, ExitStack() as stack:
        reader.say(post + asks)
        assert reader.hear()[0] == 200
        before = memory_of(pid)
        for _ in range(100):  # each has an answer of some 2 MiB waiting
            stack.enter_context(Line(server.port)).say(post + asks)
        reader.say(post + asks)
        assert reader.hear()[0] == 200
        assert memory_of(pid) - before < 120 * 2**20


def test_too_many_requests_before_the_first_answer_end_the_connection(server: Server) -> None:
    (pid,) = pids_of(server)
    before = memory_of(pid)
    with Line(server.port) as line:
        line.say(10_000 * b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert b"HTTP/1.1 400 " in line.hear_all()
    assert memory_of(pid) - before < 20 * 2**20


def n_hung_up(server: Server) -> float:
    """Batches whose client was gone before the answer, as the service counts them."""
    text = httpx.get(f"{url_of(server)}/metrics", timeout=60).text
    line = re.search(r'requests_total{route="/v1/recommendations:batch",status="499"} (.*)', text)
    return float(line[1]) if line else 0.0


def test_a_batch_is_worked_at_no_longer_when_its_client_has_hung_up(server: Server) -> None:
    excluded = [f"x{n}" for n in range(200)]
    asks = [{"session": [f"item-{n:03}"], "exclude": excluded, "k": 25, "rows": ["home", "basket"]} for n in range(256)]
    body, before = json.dumps(asks).encode(), n_hung_up(server)
    with Line(server.port) as line:
        line.say(b"POST /v1/recommendations:batch HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n" % len(body))
        line.say(body)
        time.sleep(0.05)
    ends = time.monotonic() + 20
    while n_hung_up(server) == before:
        assert time.monotonic() < ends

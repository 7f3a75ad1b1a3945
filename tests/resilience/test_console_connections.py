"""Connections to the console: what a stranger sends without end, before any sign-in."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from api.auth.api_keys import create_key
from recsys.time_units import now_ms
from tests.bench.servers import Server, consoled
from tests.homes import copy_home
from tests.resilience.running import Line, memory_of, url_of

pytestmark = pytest.mark.slow

NOBODY = Server(port=9, pid=0)  # these pages ask no service
FORM = b"POST /console/sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: %b\r\n\r\n"
PIECE = b"x" * 200_000
CHUNK = b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
FILE = b'--B\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'
ENDLESS = {
    "path": (b"GET /console/sign-in?next=", PIECE, 431),
    "header": (b"GET /console/sign-in HTTP/1.1\r\nHost: localhost\r\nX-Long: ", PIECE, 431),
    "headers": (b"GET /console/sign-in HTTP/1.1\r\nHost: localhost\r\n", 9_000 * b"X-Many: x\r\n", 431),
    "trailers": (FORM % b"application/x-www-form-urlencoded" + b"0\r\n", 9_000 * b"X-Many: x\r\n", 431),
    "fields": (FORM % b"application/x-www-form-urlencoded", b"%x\r\na=%b&\r\n" % (len(PIECE) + 3, PIECE), 413),
    "file": (FORM % b"multipart/form-data; boundary=B" + b"%x\r\n%b\r\n" % (len(FILE), FILE), CHUNK, 413),
}


@pytest.fixture(scope="module")
def console(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = copy_home(trained_home, tmp_path_factory.mktemp("console") / "home")
    create_key(home / "keys.json", "ann", ["viewer"], now_ms=now_ms())
    with consoled(home, NOBODY, {"RECSYS_SERVE_ARRIVAL_S": "5"}) as running:
        yield running


@pytest.mark.parametrize("begun", ENDLESS)
def test_what_a_stranger_sends_without_end_is_cut_off_and_takes_no_memory(console: Server, begun: str) -> None:
    head, piece, status = ENDLESS[begun]
    before = memory_of(console.pid)
    with Line(console.port) as line:
        line.say(head)
        with suppress(OSError):  # when the console has closed
            for _ in range(500):
                line.say(piece)
                assert memory_of(console.pid) - before < 10 * 2**20
            assert line.hear()[0] in (status, 0)
    assert httpx.get(f"{url_of(console)}/console/sign-in", timeout=60).status_code == 200

"""The service as real processes, and clients that send requests byte by byte."""

import os
import resource
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.servers import Server, served

READY_S = 120.0
PATIENT_S = 300.0  # processes of a test may pause while others measure
ASK = b"GET /v1/users/user-002/recommendations?k=3 HTTP/1.1\r\nHost: shop\r\n\r\n"


@contextmanager
def service(home: Path, settings: Mapping[str, str] | None = None, *, workers: int = 1) -> Iterator[Server]:
    """`recsys serve` on that home; every worker is ready."""
    with served(home, settings, workers=workers) as server:
        wait_for_workers(server, workers)
        yield server


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


def pids_of(server: Server) -> list[int]:
    """The processes that answer."""
    return server.workers() or [server.pid]


def memory_of(pid: int) -> int:
    """Bytes that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def wait_for_workers(server: Server, n: int) -> None:
    """Waits until that many workers answer."""
    ends, ready = time.monotonic() + READY_S, set[str]()
    with new_connections() as web:
        while len(ready) < n:
            assert time.monotonic() < ends, f"{ready} of {n} workers are ready within {READY_S} s"
            answer = web.get(f"{url_of(server)}/readyz")
            if answer.status_code == 200:
                ready.add(worker_of(answer))


def worker_of(answer: httpx.Response) -> str:
    """The prefix of a request id is its worker's."""
    return str(answer.headers["x-request-id"]).split("-")[0]


def new_connections() -> httpx.Client:
    """A client with a connection of its own for every request, so that every worker gets some."""
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=PATIENT_S)


def kept_connections(n: int) -> httpx.AsyncClient:
    """A client with at most n connections, which it never closes by itself.

    httpx takes connections for stale that were idle for 5 s, and when the process stood still for so long it may close
    one which another task of the same process has just been given: "ReadError", with no server involved.
    """
    limits = httpx.Limits(max_connections=n, max_keepalive_connections=n, keepalive_expiry=None)
    return httpx.AsyncClient(limits=limits, timeout=PATIENT_S)


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Stops those processes meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Line:
    """One connection to the service."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENT_S)
        self._unread = b""

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def say(self, what: bytes) -> None:
        self._socket.sendall(what)

    def hear(self) -> tuple[int, bytes]:
        """Status and body of the next answer; 0 and the bytes so far when the connection ends before."""
        head = self.hear_head()
        if not head:
            return 0, self._unread
        announced = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        n_bytes = int(announced.partition(b":")[2])
        while len(self._unread) < n_bytes:
            if not self._read():
                return 0, self._unread
        body, self._unread = self._unread[:n_bytes], self._unread[n_bytes:]
        return int(head.split(b" ", 2)[1]), body

    def hear_head(self) -> bytes:
        """Status line and headers of the next answer; nothing when the connection ends before."""
        while b"\r\n\r\n" not in self._unread:
            if not self._read():
                return b""
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head

    def _read(self) -> bool:
        more = self._socket.recv(65_536)
        self._unread += more
        return bool(more)

    def hear_all(self) -> bytes:
        """Everything until the service closes."""
        parts = []
        while part := self._socket.recv(65_536):
            parts.append(part)
        return b"".join(parts)

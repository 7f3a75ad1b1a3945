"""What `wrk` does, for machines without it: N connections, each asks again as soon as it is answered.

`python -m tests.bench.client PORT CONNECTIONS SECONDS FILE` prints what `requests.lua` prints.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import cast

import uvloop

LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """One connection; keep-alive, one question at a time."""

    def __init__(self, asked: Iterator[bytes], until: float) -> None:
        self._asked = asked
        self._until = until
        self._left = b""
        self._started = 0.0
        self.seconds: list[float] = []
        self.bad = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._left += data
        head, found, body = self._left.partition(b"\r\n\r\n")
        if not found or len(body) < length_of(head):
            return
        self._left = b""
        now = time.perf_counter()
        self.seconds.append(now - self._started)
        self.bad += head[9:10] != b"2"
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.bad += error is not None or time.perf_counter() < self._until
        self.ended.set_result(None)

    def _ask(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(next(self._asked))


def raw(line: str, port: int, key: str = "") -> bytes:
    """The bytes of one request from a line of the file.  key: of the service, where it asks for one."""
    method, path, *body = line.split(" ", 2)
    sent = "".join(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    head += f"X-API-Key: {key}\r\n" if key else ""
    return head.encode() + (b"Content-Length: %d\r\n" % len(sent) if sent else b"") + b"\r\n" + sent


async def load(port: int, connections: int, seconds: float, file: Path) -> dict[str, float]:
    """Requests, seconds and failures of one run."""
    asked = cycle([raw(line, port) for line in file.read_text().splitlines()])
    started = time.perf_counter()
    until, loop = started + seconds, asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(asked, until), "127.0.0.1", port) for _ in range(connections)
    ]
    protocols = [protocol for _, protocol in made]
    await asyncio.gather(*(protocol.ended for protocol in protocols))
    took = [second for protocol in protocols for second in protocol.seconds]
    percentiles = quantiles(took, n=100)
    return {
        "requests": len(took),
        "seconds": time.perf_counter() - started,
        "bad": sum(protocol.bad for protocol in protocols),
        "p50_ms": percentiles[49] * 1_000,
        "p99_ms": percentiles[98] * 1_000,
    }


def length_of(head: bytes) -> int:
    """Bytes of the body that this head announces."""
    start = head.index(LENGTH) + len(LENGTH)
    return int(head[start:].split(b"\r\n", 1)[0])


if __name__ == "__main__":
    told = uvloop.run(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
    print(json.dumps(told))

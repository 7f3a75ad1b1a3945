"""Customers who come when they come: so many questions a second, whether the earlier ones are answered or not.

A client that waits for its answer before it asks again asks least while the service stalls, and so hides it.  Here
each wait counts from the moment the question was due.  `python -m tests.bench.open_loop PORT RATE SECONDS FILE` prints
requests, bad, p50_ms, p99_ms and max_ms as JSON.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import cast

import uvloop

from tests.bench.client import length_of, raw

CONNECTIONS = 128


class Line(asyncio.Protocol):
    """One connection, keep-alive, one question at a time."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._left = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, question: bytes, due: float) -> None:
        self._due = due
        self._transport.write(question)

    def data_received(self, data: bytes) -> None:
        self._left += data
        head, found, body = self._left.partition(b"\r\n\r\n")
        if not found or len(body) < length_of(head):
            return
        self._left = b""
        self._crowd.answered(self, self._due, is_good=head[9:10] == b"2")

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.bad += error is not None

    def close(self) -> None:
        self._transport.close()


class Crowd:
    """Asks at the moments given, over whichever connection is free; a question waits while none is."""

    def __init__(self, asked: Iterator[bytes]) -> None:
        self._asked = asked
        self._loop = asyncio.get_running_loop()
        self.free: deque[Line] = deque()
        self._waiting: deque[float] = deque()
        self.seconds: list[float] = []
        self.bad = 0

    def come(self, due: float) -> None:
        if self.free:
            self.free.popleft().ask(next(self._asked), due)
        else:
            self._waiting.append(due)

    def answered(self, line: Line, due: float, *, is_good: bool) -> None:
        self.seconds.append(self._loop.time() - due)
        self.bad += not is_good
        if self._waiting:
            line.ask(next(self._asked), self._waiting.popleft())
        else:
            self.free.append(line)


async def load(port: int, rate: float, seconds: float, file: Path) -> dict[str, float]:
    """Arrivals of a Poisson process at that rate; what they waited."""
    loop, rng = asyncio.get_running_loop(), Random(0)
    crowd = Crowd(cycle([raw(line, port) for line in file.read_text().splitlines()]))
    for _ in range(CONNECTIONS):
        _, line = await loop.create_connection(lambda: Line(crowd), "127.0.0.1", port)
        crowd.free.append(line)
    n, due = 0, loop.time() + 0.1
    end = due + seconds
    while due < end:
        await asyncio.sleep(max(0.0, due - loop.time()))
        crowd.come(due)
        n, due = n + 1, due + rng.expovariate(rate)
    while len(crowd.seconds) < n and loop.time() < end + 30:
        await asyncio.sleep(0.01)
    percentiles = quantiles(crowd.seconds, n=100)
    return {
        "requests": n,
        "bad": crowd.bad + n - len(crowd.seconds),
        "p50_ms": percentiles[49] * 1_000,
        "p99_ms": percentiles[98] * 1_000,
        "max_ms": max(crowd.seconds) * 1_000,
    }


if __name__ == "__main__":
    told = uvloop.run(load(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
    print(json.dumps(told))

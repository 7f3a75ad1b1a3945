"""Customers who come when they come: so many questions a second, whether the earlier ones are answered or not.

A client that waits for its answer before it asks again asks least while the service stalls, and so hides it.  Here
each wait counts from the moment the question was due.  `python -m tests.bench.open_loop PORT RATE SECONDS FILE
[KEY_FILE]` prints requests, bad, p50_ms, p99_ms and max_ms as JSON.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import quantiles

import uvloop

from tests.bench.client import raw
from tests.bench.load_generator import Crowd

CONNECTIONS = 128


class Waits(Crowd):
    """How long everybody waited, and how many answers were not what they should be."""

    def __init__(self, asked: Iterator[bytes]) -> None:
        super().__init__(asked)
        self.seconds: list[float] = []
        self.bad = 0

    def heard(self, took: float, due: float, status: int, body: bytes) -> None:
        self.seconds.append(took)
        self.bad += not 200 <= status < 300

    def lost(self, error: Exception | None) -> None:
        self.bad += error is not None


async def load(port: int, rate: float, seconds: float, file: Path, key: str = "") -> dict[str, float]:
    """Arrivals of a Poisson process at that rate; what they waited."""
    loop, rng = asyncio.get_running_loop(), Random(0)
    crowd = Waits(cycle([raw(line, port, key) for line in file.read_text().splitlines()]))
    await crowd.connect(port, CONNECTIONS)
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
    key = Path(sys.argv[5]).read_text().strip() if len(sys.argv) > 5 else ""
    told = uvloop.run(load(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]), key))
    print(json.dumps(told))

"""A rush of customers: questions come at a rate, whether earlier ones are answered or not, and each wait is kept."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, cast

from tests.bench.client import length_of

CONNECTIONS = 2_000


class Told(NamedTuple):
    """One answer: when its question was due in seconds from the start, how long it took from then, what it was.

    is_own: made for its customer.  n_items: in the list; 0 for an error.
    """

    due: float
    took: float
    status: int
    is_own: bool
    n_items: int


@dataclass(frozen=True, slots=True)
class Phase:
    per_second: float
    seconds: float


class _Line(asyncio.Protocol):
    """One connection, one question at a time."""

    def __init__(self, rush: "Rush") -> None:
        self._rush = rush
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
        if found and len(body) >= length_of(head):
            self._left = b""
            self._rush.answered(self, self._due, int(head[9:12]), body)

    def connection_lost(self, error: Exception | None) -> None:
        self._rush.n_lost += 1

    def close(self) -> None:
        self._transport.close()


class Rush:
    """Asks over whichever connection is free; a question waits while none is, and the wait counts."""

    def __init__(self, asked: Iterator[bytes]) -> None:
        self._asked = asked
        self._loop = asyncio.get_running_loop()
        self._start = 0.0
        self._free: deque[_Line] = deque()
        self._waiting: deque[float] = deque()
        self.told: list[Told] = []
        self.n_lost = 0

    async def go(self, port: int, phases: Sequence[Phase], rng: Random) -> None:
        """All phases, one after the other, and then until all are answered or half a minute has passed."""
        lines = [
            (await self._loop.create_connection(lambda: _Line(self), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)
        ]
        self._free.extend(lines)
        self._start = due = ends = self._loop.time() + 0.1
        n = 0
        for phase in phases:
            ends += phase.seconds
            while (due := due + rng.expovariate(phase.per_second)) < ends:
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                self._come(due)
                n += 1
        while len(self.told) < n and self._loop.time() < ends + 30:
            await asyncio.sleep(0.01)
        self.n_lost += n - len(self.told)
        unexpected, self.n_lost = self.n_lost, 0
        for line in lines:
            line.close()
        await asyncio.sleep(0)
        self.n_lost = unexpected

    def _come(self, due: float) -> None:
        if self._free:
            self._free.popleft().ask(next(self._asked), due)
        else:
            self._waiting.append(due)

    def answered(self, line: _Line, due: float, status: int, body: bytes) -> None:
        is_own = b'"fallback":"personal"' in body
        took = self._loop.time() - due
        self.told.append(Told(due - self._start, took, status, is_own, body.count(b'"item_id":')))
        if self._waiting:
            line.ask(next(self._asked), self._waiting.popleft())
        else:
            self._free.append(line)


async def rushed(port: int, asked: Iterator[bytes], phases: Sequence[Phase]) -> Rush:
    """What came of those phases; arrivals of a Poisson process, the same every time."""
    rush = Rush(asked)
    await rush.go(port, phases, Random(0))
    return rush

"""Open-loop load: requests arrive at a rate, whether earlier ones are answered or not, and each latency is kept."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tests.bench.load_generator import Crowd

CONNECTIONS = 2_000


class RequestOutcome(NamedTuple):
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


class Rush(Crowd):
    """What everybody was told, and how many connections were lost."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        super().__init__(requests)
        self._start = 0.0
        self.outcomes: list[RequestOutcome] = []
        self.n_lost = 0

    async def go(self, port: int, phases: Sequence[Phase], rng: Random) -> None:
        """All phases, one after the other, and then until all are answered or half a minute has passed."""
        lines = await self.connect(port, CONNECTIONS)
        self._start = due = ends = self.loop.time() + 0.1
        n = 0
        for phase in phases:
            ends += phase.seconds
            while (due := due + rng.expovariate(phase.per_second)) < ends:
                await asyncio.sleep(max(0.0, due - self.loop.time()))
                self.come(due)
                n += 1
        while len(self.outcomes) < n and self.loop.time() < ends + 30:
            await asyncio.sleep(0.01)
        self.n_lost += n - len(self.outcomes)
        unexpected, self.n_lost = self.n_lost, 0
        for line in lines:
            line.close()
        await asyncio.sleep(0)
        self.n_lost = unexpected

    def heard(self, took: float, due: float, status: int, body: bytes) -> None:
        is_own = b'"fallback":"personal"' in body
        self.outcomes.append(RequestOutcome(due - self._start, took, status, is_own, body.count(b'"item_id":')))

    def lost(self, error: Exception | None) -> None:
        self.n_lost += 1


async def rushed(port: int, requests: Iterator[bytes], phases: Sequence[Phase]) -> Rush:
    """What came of those phases; arrivals of a Poisson process, the same every time."""
    rush = Rush(requests)
    await rush.go(port, phases, Random(0))
    return rush

"""Open-loop load: requests arrive at a rate, whether earlier ones are answered or not, and each latency is kept."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tests.bench.load_generator import Crowd

CONNECTIONS = 2_000


class RequestOutcome(NamedTuple):
    """One request: when it was due in seconds from the start, its latency from then, and its answer.

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
    """The outcomes of all requests, and the number of lost connections."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        super().__init__(requests)
        self._start = 0.0
        self.outcomes: list[RequestOutcome] = []
        self.n_lost = 0

    async def go(self, port: int, phases: Sequence[Phase], rng: Random) -> None:
        """Runs all phases, then waits until all are answered or half a minute has passed."""
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
    """The outcome of those phases; arrivals are a Poisson process with a fixed seed."""
    rush = Rush(requests)
    await rush.go(port, phases, Random(0))
    return rush

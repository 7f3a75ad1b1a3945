"""How busy a worker is, told by how long requests wait for their turn; and until when each wants its answer."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.traffic.deadline import AT_ONCE, Deadline, seconds_of

_LEAST_SHARE = 16
_REGAINS = 1.1


class LoadShedder:
    """Counts requests under way and notes when a turn of the event loop began.  Belongs to one event loop.

    All that arrived while one turn lasted is answered in the next, one after the other.  So the time since the turn
    began is what a request has waited at least, whether there are ten connections or ten thousand.  While turns last
    longer than anybody should wait, less of the next one goes into lists for customers: what waits outside, in sockets
    and at clients, is caught up with.
    """

    def __init__(self, patience_s: float, most_waiting: int, clock: Callable[[], float] = time.perf_counter) -> None:
        """patience_s: waiting that long, a list is given without being made for its customer."""
        self._patience_s = patience_s
        self._most_waiting = most_waiting
        self._clock = clock
        self._share_s = patience_s  # of a turn, for lists made for customers
        self._turn: Deadline | None = None
        self.waiting = 0

    def begin(self, now: float) -> Deadline:
        """A request begins; `end` must follow."""
        self.waiting += 1
        if self.waiting > self._most_waiting:
            return AT_ONCE
        turn = self._turn
        if turn is None:
            turn = self._turn = Deadline(now + self._share_s, "busy")
            asyncio.get_running_loop().call_soon(self._next_turn)
        return turn

    def end(self) -> None:
        self.waiting -= 1

    def _next_turn(self) -> None:
        turn, self._turn = self._turn, None
        lasted_s = self._clock() - (turn.at - self._share_s if turn is not None else 0.0)
        if lasted_s > self._patience_s:
            self._share_s = max(self._share_s / 2, self._patience_s / _LEAST_SHARE)
        elif self._share_s < self._patience_s:
            self._share_s = min(self._share_s * _REGAINS, self._patience_s)

    def within(self, due: Deadline, timeout: bytes) -> Deadline:
        """The earlier of that and what an `X-Timeout-Ms` header says, counted from the beginning of the turn."""
        seconds = seconds_of(timeout)
        if seconds is None or due is AT_ONCE:
            return due
        return Deadline(due.at + min(0.0, seconds - self._share_s), "deadline")

    @contextmanager
    def part(self, until: float) -> Iterator[Deadline]:
        """One of many questions of a request has a turn of its own, as others do; after `until` it is too late."""
        due = self.begin(self._clock())
        try:
            yield Deadline(until, "deadline") if until < due.at else due
        finally:
            self.end()


class LatencyEstimate:
    """How long making an answer takes, lately: enough to tell whether there is time for one more."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def took(self, seconds: float) -> None:
        self.seconds += 0.1 * (seconds - self.seconds)

    def skipped(self) -> None:
        """None was made for lack of time.  One slow answer must not stop all that would follow."""
        self.seconds *= 0.95

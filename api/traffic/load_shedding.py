"""Load shedding: the time requests wait for their turn tells how busy a worker is, and sets the deadline of each."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.traffic.deadline import AT_ONCE, NEVER, Deadline, seconds_of

_LEAST_SHARE = 16
_RECOVERY = 1.1


class LoadShedder:
    """Counts the requests in progress and notes when a turn of the event loop began.  Belongs to one event loop.

    All requests that arrive during one turn are answered in the next turn, one after the other.  So the time since the
    turn began is the least that a request has waited, with ten connections as with ten thousand.  While turns last
    longer than a request should wait, less of the next turn is spent on lists for customers.  That leaves time for the
    requests that wait outside, in sockets and at clients.
    """

    def __init__(self, max_wait_s: float, max_waiting: int, clock: Callable[[], float] = time.perf_counter) -> None:
        """max_wait_s: a request that waited that long gets a list that is not made for its customer."""
        self._max_wait_s = max_wait_s
        self._max_waiting = max_waiting
        self._clock = clock
        self._share_s = max_wait_s  # of each turn, spent on personal lists
        self._turn: Deadline | None = None
        self.waiting = 0

    def begin(self, now: float) -> Deadline:
        """The deadline of a request that begins; `end` must follow."""
        self.waiting += 1
        if self.waiting > self._max_waiting:
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
        if lasted_s > self._max_wait_s:
            self._share_s = max(self._share_s / 2, self._max_wait_s / _LEAST_SHARE)
        elif self._share_s < self._max_wait_s:
            self._share_s = min(self._share_s * _RECOVERY, self._max_wait_s)

    def within(self, deadline: Deadline, timeout: bytes) -> Deadline:
        """The earlier one of that deadline and an `X-Timeout-Ms` header, counted from the beginning of the turn."""
        seconds = seconds_of(timeout)
        if seconds is None or deadline is AT_ONCE:
            return deadline
        return Deadline(deadline.at + min(0.0, seconds - self._share_s), "deadline")

    @contextmanager
    def part(self, until: float) -> Iterator[Deadline]:
        """The deadline of one of many queries of a request: each has a turn of its own; `until` ends them all."""
        deadline = self.begin(self._clock())
        try:
            yield Deadline(until, "deadline") if until < deadline.at else deadline
        finally:
            self.end()


class LatencyEstimate:
    """Moving average of the time that a list takes: enough to tell whether there is time for one more."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def is_late(self, deadline: Deadline) -> bool:
        """Whether a list that is begun now would be ready after the deadline."""
        return deadline is not NEVER and time.perf_counter() + self.seconds > deadline.at

    def observe(self, seconds: float) -> None:
        self.seconds += 0.1 * (seconds - self.seconds)

    def skipped(self) -> None:
        """There was no time for a list.  Lowers the estimate: one slow list must not stop all later ones."""
        self.seconds *= 0.95

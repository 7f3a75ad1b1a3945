"""Many small appends become one durable transaction: what makes a full sync per event affordable."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Protocol

from recsys.data.events import Event
from recsys.data.store.identity import AppendResult
from recsys.data.store.validation import checked_columns
from recsys.errors import BadEvent, LogUnavailable

AppendResults = list[AppendResult]
CommitOutcome = AppendResults | Exception


class Appends(Protocol):
    """The part of an event log that is needed here."""

    def append(self, events: Sequence[Event]) -> AppendResults:
        """Stores them durably before it returns."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A caller's events and where the outcome goes."""

    events: Sequence[Event]
    future: "asyncio.Future[AppendResults]"


class GroupCommit:
    """One thread that appends what any number of callers brought while the last commit was on its way to the disk."""

    def __init__(self, log: Appends, *, max_batch: int = 4_000, max_waiting: int = 20_000) -> None:
        """About max_batch events per commit, whole callers only; at most max_waiting callers in the queue."""
        self._log = log
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    async def submit(self, events: Sequence[Event]) -> AppendResults:
        """Returns and raises what `append` of the log does; LogUnavailable also when the queue is full or closed.

        From any loop of any thread; a loop is woken once per commit, not once per caller.
        """
        future: asyncio.Future[AppendResults] = asyncio.get_running_loop().create_future()
        self._enqueue(_Waiting(events, future))
        return await future

    def close(self) -> None:
        """Commits what is waiting, then ends the thread; later calls raise LogUnavailable."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._queue.put(None)
        self._thread.join()

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._lock:
            if not self._is_open:
                raise LogUnavailable("the event log is being closed; send the events again when the service is back")
            if self._queue.qsize() >= self._max_waiting:
                raise LogUnavailable(f"{self._max_waiting} writers are waiting already; send the events again later")
            self._queue.put(waiting)

    def _run(self) -> None:
        for batch in iter(self._next_batch, []):
            _settle(batch, self._commit(batch))

    def _next_batch(self) -> list[_Waiting]:
        """Waits for the first caller, then takes who else is there; empty when closed and drained."""
        batch: list[_Waiting] = []
        n_events = 0
        while n_events < self._max_batch:
            try:
                waiting = self._queue.get(block=not batch)
            except Empty:
                break
            if waiting is None:
                self._queue.put(None)  # the last word stays last: nobody is let in after it
                break
            batch.append(waiting)
            n_events += len(waiting.events)
        return batch

    def _commit(self, batch: Sequence[_Waiting]) -> list[CommitOutcome]:
        try:
            verdicts = iter(self._log.append([event for waiting in batch for event in waiting.events]))
        except BadEvent:
            return self._commit_good(batch)
        except Exception as error:  # noqa: BLE001 - the rim of this thread: if it ended, every caller would wait forever
            return [error] * len(batch)
        return [list(islice(verdicts, len(waiting.events))) for waiting in batch]

    def _commit_good(self, batch: Sequence[_Waiting]) -> list[CommitOutcome]:
        """The same without those who brought an event that cannot be stored; they alone hear of it."""
        faults = [_fault(waiting.events) for waiting in batch]
        good = iter(self._commit([waiting for waiting, fault in zip(batch, faults, strict=True) if fault is None]))
        return [fault or next(good) for fault in faults]


def _fault(events: Sequence[Event]) -> BadEvent | None:
    try:
        checked_columns(events)
    except BadEvent as fault:
        return fault
    return None


def _settle(batch: Sequence[_Waiting], outcomes: Sequence[CommitOutcome]) -> None:
    of_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[AppendResults], CommitOutcome]]] = {}
    for waiting, outcome in zip(batch, outcomes, strict=True):
        of_loop.setdefault(waiting.future.get_loop(), []).append((waiting.future, outcome))
    for loop, told in of_loop.items():
        with suppress(RuntimeError):  # that loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_tell, told)


def _tell(told: Sequence[tuple["asyncio.Future[AppendResults]", CommitOutcome]]) -> None:
    for future, outcome in told:
        if future.done():  # the caller has gone away
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

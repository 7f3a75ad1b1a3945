"""Group commit: many small appends share one durable transaction, so that each event can be synced to disk."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import NamedTuple

from recsys.data.events import Event
from recsys.data.store.identity import AppendResult
from recsys.data.store.validation import checked_columns
from recsys.errors import BadEvent, LogUnavailable

AppendResults = list[AppendResult]
CommitOutcome = AppendResults | Exception
AppendFunction = Callable[[Sequence[Event]], AppendResults]


class _Submission(NamedTuple):
    """The events of a caller, and what is called with the outcome, in the caller's event loop."""

    events: Sequence[Event]
    loop: asyncio.AbstractEventLoop
    then: Callable[[CommitOutcome], None]


class GroupCommit:
    """A thread that appends all events that callers submitted during the last commit."""

    def __init__(self, append: AppendFunction, *, max_batch: int = 4_000, max_waiting: int = 20_000) -> None:
        """append: stores events durably before it returns, as that of a `Store`.

        About max_batch events per commit, where callers are not split; at most max_waiting callers in the queue.
        """
        self._append = append
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._queue: SimpleQueue[_Submission | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    async def submit(self, events: Sequence[Event]) -> AppendResults:
        """Returns and raises what `append` of the log does; LogUnavailable also when the queue is full or closed.

        For any event loop of any thread; a loop is woken once per commit, not once per caller.
        """
        future: asyncio.Future[AppendResults] = asyncio.get_running_loop().create_future()

        def settle(outcome: CommitOutcome) -> None:
            if future.done():  # the caller is gone
                return
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.submit_then(events, settle)
        return await future

    def submit_then(self, events: Sequence[Event], then: Callable[[CommitOutcome], None]) -> None:
        """The same without a task: calls `then`, which must not raise, once with the results or the error.

        Raises LogUnavailable when the queue is full or closed; then it is never called.
        """
        with self._lock:
            if not self._is_open:
                raise LogUnavailable("the event log is being closed; send the events again when the service is back")
            if self._queue.qsize() >= self._max_waiting:
                raise LogUnavailable(f"{self._max_waiting} writers are waiting already; send the events again later")
            self._queue.put(_Submission(events, asyncio.get_running_loop(), then))

    def close(self) -> None:
        """Commits what is in the queue and ends the thread; later calls raise LogUnavailable."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        for batch in iter(self._next_batch, []):
            _deliver(batch, self._commit(batch))

    def _next_batch(self) -> list[_Submission]:
        """Waits for the first submission, then takes those in the queue; empty when closed and drained."""
        batch: list[_Submission] = []
        n_events = 0
        while n_events < self._max_batch:
            try:
                submission = self._queue.get(block=not batch)
            except Empty:
                break
            if submission is None:
                self._queue.put(None)  # for the next call: None ends the thread
                break
            batch.append(submission)
            n_events += len(submission.events)
        return batch

    def _commit(self, batch: Sequence[_Submission]) -> list[CommitOutcome]:
        try:
            results = iter(self._append([event for submission in batch for event in submission.events]))
        except BadEvent:
            return self._commit_good(batch)
        except Exception as error:  # noqa: BLE001 - if this thread ended, every caller would wait forever
            return [error] * len(batch)
        return [list(islice(results, len(submission.events))) for submission in batch]

    def _commit_good(self, batch: Sequence[_Submission]) -> list[CommitOutcome]:
        """Commits without the callers of an event that cannot be stored; only they get that error."""
        faults = [_fault(submission.events) for submission in batch]
        good = [submission for submission, fault in zip(batch, faults, strict=True) if fault is None]
        outcomes = iter(self._commit(good))
        return [fault or next(outcomes) for fault in faults]


def _fault(events: Sequence[Event]) -> BadEvent | None:
    try:
        checked_columns(events)
    except BadEvent as fault:
        return fault
    return None


def _deliver(batch: Sequence[_Submission], outcomes: Sequence[CommitOutcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Submission, CommitOutcome]]] = {}
    for submission, outcome in zip(batch, outcomes, strict=True):
        by_loop.setdefault(submission.loop, []).append((submission, outcome))
    for loop, settled in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: Sequence[tuple[_Submission, CommitOutcome]]) -> None:
    for submission, outcome in settled:
        submission.then(outcome)

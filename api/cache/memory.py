"""Answers given before, in the process.  Right by key; it may forget, it never errs."""

from collections import OrderedDict
from typing import NamedTuple, Protocol

_ENTRY_BYTES = 512  # what the key and the table take beside the answer


class CacheKey(NamedTuple):
    """All an answer depends on.

    state: bundle, settings and catalogue.  moment: start of the span in which no date changes anything, Unix ms.
    head: seq of the customer's last event.  question: the arguments, written in one way only.
    """

    state: str
    moment: int
    user_id: str | None
    head: int
    question: str


class Cache(Protocol):
    """Keeps answers, or forgets them.  Never raises; a value that is not whole or not of that key is a miss."""

    async def get(self, key: CacheKey) -> bytes | None:
        """The answer put under exactly that key, if it is still there."""

    async def put(self, key: CacheKey, answer: bytes) -> None:
        """Keeps it for a while."""

    async def close(self) -> None:
        """Ends connections; later calls miss."""


class MemoryCache:
    """The newest answers of this process, within so many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[CacheKey, bytes] = OrderedDict()

    def find(self, key: CacheKey) -> bytes | None:
        """What `get` gives, without an event loop."""
        found = self._answers.get(key)
        if found is not None:
            self._answers.move_to_end(key)
        return found

    def keep(self, key: CacheKey, answer: bytes) -> None:
        """What `put` does, without an event loop."""
        before = self._answers.pop(key, None)
        if before is not None:
            self._bytes -= len(before) + _ENTRY_BYTES
        self._answers[key] = answer
        self._bytes += len(answer) + _ENTRY_BYTES
        while self._bytes > self._max_bytes:
            _, dropped = self._answers.popitem(last=False)
            self._bytes -= len(dropped) + _ENTRY_BYTES

    def forget(self) -> None:
        """Drops all answers."""
        self._answers.clear()
        self._bytes = 0

    async def get(self, key: CacheKey) -> bytes | None:
        return self.find(key)

    async def put(self, key: CacheKey, answer: bytes) -> None:
        self.keep(key, answer)

    async def close(self) -> None:
        self.forget()

"""Memory cache: payloads of earlier answers in the process.  It may forget an answer, it never gives a wrong one."""

from collections import OrderedDict
from typing import NamedTuple, Protocol

_ENTRY_BYTES = 512  # of the key and the table, beside the payload


class CacheKey(NamedTuple):
    """Everything that an answer depends on.

    state: bundle, settings and catalogue.  moment: start of the span in which no date changes anything, Unix ms.
    head: number of the user's last event.  query: the arguments, written in one way only.
    """

    state: str
    moment: int
    user_id: str | None
    head: int
    query: str


class Cache(Protocol):
    """Keeps payloads, or forgets them.  Never raises; a damaged value or one of another key is a miss."""

    async def get(self, key: CacheKey) -> bytes | None:
        """The payload that was put under exactly that key, if it is still there."""

    async def put(self, key: CacheKey, payload: bytes) -> None:
        """Keeps it for a while."""

    async def close(self) -> None:
        """Ends connections; later calls miss."""


class MemoryCache:
    """The newest payloads of this process, at most `max_bytes` in all."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._payloads: OrderedDict[CacheKey, bytes] = OrderedDict()

    def find(self, key: CacheKey) -> bytes | None:
        """`get` without an event loop."""
        payload = self._payloads.get(key)
        if payload is not None:
            self._payloads.move_to_end(key)
        return payload

    def keep(self, key: CacheKey, payload: bytes) -> None:
        """`put` without an event loop."""
        before = self._payloads.pop(key, None)
        if before is not None:
            self._bytes -= len(before) + _ENTRY_BYTES
        self._payloads[key] = payload
        self._bytes += len(payload) + _ENTRY_BYTES
        while self._bytes > self._max_bytes:
            _, dropped = self._payloads.popitem(last=False)
            self._bytes -= len(dropped) + _ENTRY_BYTES

    def drop(self) -> None:
        """Drops all payloads."""
        self._payloads.clear()
        self._bytes = 0

    async def get(self, key: CacheKey) -> bytes | None:
        return self.find(key)

    async def put(self, key: CacheKey, payload: bytes) -> None:
        self.keep(key, payload)

    async def close(self) -> None:
        self.drop()

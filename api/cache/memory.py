"""Memory cache: payloads of earlier answers in the process.  It may lose an answer, but never returns a wrong one."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from recsys.memory_size import text_bytes

_ENTRY_BYTES = 512  # of an entry beside its payload and the texts of its key


class CacheKey(NamedTuple):
    """Everything that an answer depends on.

    state: bundle, settings and catalogue.  moment: start of the span in which no date changes anything, Unix ms.
    head: number of the user's last event.  query: the arguments in canonical form.
    """

    state: str
    moment: int
    user_id: str | None
    head: int
    query: str


class Cache(Protocol):
    """Keeps payloads, possibly not for long.  Never raises; a damaged value or one of another key is a miss."""

    async def get(self, key: CacheKey) -> bytes | None:
        """The payload that was put under exactly that key, if it is still there."""

    async def put(self, key: CacheKey, payload: bytes) -> None:
        """Keeps it for a while."""

    async def close(self) -> None:
        """Ends connections; later calls miss."""


class SharedCache(Cache, Protocol):
    """A cache of several workers, which has to be waited for."""

    def read(self, key: CacheKey, then: Callable[[bytes | None], None]) -> bool:
        """`get` without a task: calls `then`, which must not raise, later and once; False when it never will."""


class MemoryCache:
    """The newest payloads of this process, with their keys at most `max_bytes` in all."""

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
        if not self._max_bytes:
            return
        before = self._payloads.pop(key, None)
        if before is not None:
            self._bytes -= _entry_bytes(key, before)
        self._payloads[key] = payload
        self._bytes += _entry_bytes(key, payload)
        while self._bytes > self._max_bytes:
            self._bytes -= _entry_bytes(*self._payloads.popitem(last=False))

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


def _entry_bytes(key: CacheKey, payload: bytes) -> int:
    return _ENTRY_BYTES + len(payload) + text_bytes(key.query) + text_bytes(key.user_id)

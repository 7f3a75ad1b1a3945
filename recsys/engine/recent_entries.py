"""Bounded cache without a lock: entries by key, the oldest first out, up to a number of entries and of bytes."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentEntries(Generic[K, V]):
    """At most `most` entries of `most_bytes` together.  Any number of threads may use it."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._entries: dict[K, tuple[V, int]] = {}
        self._bytes = 0

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def get(self, key: K) -> V | None:
        """The value, None when there is none."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: K, value: V, n_bytes: int) -> None:
        """Keeps the value, which takes so many bytes; the oldest entries make room."""
        if not self._most:
            return
        while self._entries and (len(self._entries) >= self._most or self._bytes + n_bytes > self._most_bytes):
            oldest = next(iter(self._entries), key)
            _, dropped = self._entries.pop(oldest, (None, 0))  # another thread may have dropped it
            self._bytes = self._bytes - dropped if self._entries else 0
        if key not in self._entries:
            self._bytes += n_bytes
            self._entries[key] = value, n_bytes

    def clear(self) -> None:
        """Removes all entries."""
        self._entries.clear()
        self._bytes = 0

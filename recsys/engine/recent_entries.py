"""Bounded cache without a lock: entries by key, the oldest first out, up to a number of entries and of bytes."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentEntries(Generic[K, V]):
    """At most `most` entries of `most_bytes` together.  Any number of threads may use it.

    get: the value of a key, None when there is none.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._values: dict[K, V] = {}
        self._sizes: dict[K, int] = {}
        self._bytes = 0
        self.get = self._values.get

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def put(self, key: K, value: V, n_bytes: int) -> None:
        """Keeps the value, which takes so many bytes; the oldest entries make room."""
        if not self._most:
            return
        while self._values and (len(self._values) >= self._most or self._bytes + n_bytes > self._most_bytes):
            oldest = next(iter(self._values), key)
            self._values.pop(oldest, None)  # another thread may have dropped it
            dropped = self._sizes.pop(oldest, 0)
            self._bytes = self._bytes - dropped if self._values else 0
        if key not in self._values:
            self._bytes += n_bytes
            self._values[key], self._sizes[key] = value, n_bytes

    def clear(self) -> None:
        """Removes all entries."""
        self._values.clear()
        self._sizes.clear()
        self._bytes = 0

"""What filters let through, worked out once for one state of a catalogue; and copies of masks to write to."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Self

import numpy as np

from recsys.arrays import Bools, Ints, frozen

MOST_LENT = 4
MOST_BYTES = 8 * 2**20  # a worker's
ENTRY_BYTES = 500  # of one that is kept, besides its text and its numbers
MAX_POSITIONS = 2_048  # items that are scored one by one sooner than the best are found among all


class FilterResult(NamedTuple):
    """The items that pass a filter: where they are few their positions, rising, else a flag for each.  Read-only.

    few (N,), None where they are many; flags (I,), empty where they are few.
    """

    n_items: int
    positions: Ints | None
    flags: Bools

    @classmethod
    def from_mask(cls, mask: Bools) -> "FilterResult":
        """mask (I,), nobody else's."""
        if np.count_nonzero(mask) > MAX_POSITIONS:
            return cls(len(mask), None, frozen(mask))
        return cls(len(mask), frozen(mask.nonzero()[0].astype(np.int32)), mask[:0])

    @property
    def mask(self) -> Bools:
        """A flag for each item.  (I,), not to be written."""
        return self.flags if self.positions is None else to_mask(self.positions, self.n_items)


def to_mask(items: Ints, n_items: int) -> Bools:
    """True for those items.  (N,) -> fresh (I,)"""
    mask = np.zeros(n_items, bool)
    mask[items] = True
    return mask


class MaskCache:
    """What passes, by the text of the filter; those asked for lately stay.  Any number of threads may use it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._found: dict[str, FilterResult] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get_or_compute(self, text: str, make: Callable[[], Bools]) -> FilterResult:
        """What passes the filter of that text; `make` works out the mask, (I,), where nobody asked lately."""
        passed = self.get(text)
        if passed is None:
            passed = FilterResult.from_mask(make())
            self._keep(text, passed)
        return passed

    def get(self, text: str) -> FilterResult | None:
        """What was found before."""
        with self._lock:
            found = self._found.pop(text, None)
            if found is not None:
                self._found[text] = found
        return found

    def _keep(self, text: str, passed: FilterResult) -> None:
        with self._lock:
            was = self._found.pop(text, None)
            self._bytes += _size(text, passed) - (0 if was is None else _size(text, was))
            self._found[text] = passed
            while self._bytes > self._most_bytes and len(self._found) > 1:
                oldest = next(iter(self._found))
                self._bytes -= _size(oldest, self._found.pop(oldest))


def _size(text: str, passed: FilterResult) -> int:
    return ENTRY_BYTES + len(text) + passed.flags.nbytes + (0 if passed.positions is None else passed.positions.nbytes)


class BorrowedMask:
    """A copy of a mask, to be written to and put back.  One user at a time."""

    __slots__ = ("_items", "_pool", "_was", "mask", "own")

    def __init__(self, mask: Bools, pool: "list[BorrowedMask]") -> None:
        self.mask = mask
        self.own = mask.copy()
        self._pool = pool

    def without(self, items: Ints) -> Self:
        """Takes those places out, some of them perhaps twice."""
        self._items, self._was = items, self.own[items]
        self.own[items] = False
        return self

    def __enter__(self) -> Bools:
        return self.own

    def __exit__(self, *_error: object) -> None:
        self.own[self._items] = self._was
        if not self.mask.flags.writeable:
            self._pool.append(self)
            if len(self._pool) > MOST_LENT:
                self._pool.pop(0)


class MaskPool:
    """Copies of masks that all share, kept for the next: copying a million flags takes as long as a search among them.

    Any number of threads may use it.
    """

    def __init__(self) -> None:
        self._pool: list[BorrowedMask] = []

    def without(self, mask: Bools, items: Ints) -> BorrowedMask:
        """As a context: the mask without those items, (I,), fresh until the context ends."""
        return self._lent(mask).without(items)

    def _lent(self, mask: Bools) -> BorrowedMask:
        for lent in tuple(self._pool):
            if lent.mask is mask:
                with suppress(ValueError):  # another thread took it
                    self._pool.remove(lent)
                    return lent
        return BorrowedMask(mask, self._pool)

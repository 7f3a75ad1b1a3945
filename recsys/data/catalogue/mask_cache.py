"""Cache of filter results for one state of a catalogue, and a pool of writable mask copies."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Self

import numpy as np

from recsys import kernels
from recsys.arrays import Bools, Ints, frozen

MAX_POOLED = 4
MAX_BYTES = 12 * 2**20  # a worker's
ENTRY_BYTES = 500  # of an entry besides its text and its arrays
ROW_BYTES = 12  # of each item that passes, for its row in an index
VECTOR_BYTES, MAX_VECTORS = 256, 512  # of the vectors that are kept with the rows
MAX_POSITIONS = 2_048  # up to so many items are scored one by one faster than the best are searched among all


class FilterResult(NamedTuple):
    """The items that pass a filter: their ascending positions when they are few, else a flag for each.  Read-only.

    positions (N,), None when they are many; flags (I,), empty when they are few.  n_passing: how many they are.
    index_rows: by the name of an index, the index and its rows of those that pass.
    on_sale: the mask and the positions, if few, of those on sale.  One request keeps both for the next.
    """

    n_items: int
    positions: Ints | None
    flags: Bools
    n_passing: int
    index_rows: dict[str, tuple[object, Any]]
    on_sale: "list[tuple[Bools, Ints | None]]"

    @classmethod
    def from_mask(cls, mask: Bools) -> "FilterResult":
        """mask (I,), which nobody else may write from now on."""
        n_passing = int(np.count_nonzero(mask))
        if n_passing > MAX_POSITIONS:
            return cls(len(mask), None, frozen(mask), n_passing, {}, [])
        return cls(len(mask), frozen(mask.nonzero()[0].astype(np.int32)), mask[:0], n_passing, {}, [])

    @property
    def items(self) -> Ints:
        """The positions of the items that pass, rising.  (N,)"""
        return self.flags.nonzero()[0].astype(np.int32) if self.positions is None else self.positions

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
    """Filter results by the text of the filter, least recently used first out.  Any number of threads may use it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._results: dict[str, FilterResult] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get_or_compute(self, text: str, compute: Callable[[], Bools]) -> FilterResult:
        """The cached result of the filter with that text, else the mask, (I,), that `compute` returns."""
        result = self.get(text)
        if result is None:
            result = FilterResult.from_mask(compute())
            self._put(text, result)
        return result

    def get(self, text: str) -> FilterResult | None:
        """The cached result, None when there is none."""
        with self._lock:
            result = self._results.pop(text, None)
            if result is not None:
                self._results[text] = result
        return result

    def _put(self, text: str, result: FilterResult) -> None:
        with self._lock:
            before = self._results.pop(text, None)
            self._bytes += _size(text, result) - (0 if before is None else _size(text, before))
            self._results[text] = result
            while self._bytes > self._max_bytes and len(self._results) > 1:
                oldest = next(iter(self._results))
                self._bytes -= _size(oldest, self._results.pop(oldest))


def _size(text: str, result: FilterResult) -> int:
    positions = 0 if result.positions is None else result.positions.nbytes
    rows = ROW_BYTES * result.n_passing + VECTOR_BYTES * min(result.n_passing, MAX_VECTORS)
    return ENTRY_BYTES + len(text) + result.flags.nbytes + result.n_items + positions + rows


class BorrowedMask:
    """A writable copy of a mask that goes back to its pool.  One user at a time."""

    __slots__ = ("_items", "_pool", "_values_before", "mask", "own")

    def __init__(self, mask: Bools, pool: "list[BorrowedMask]") -> None:
        self.mask = mask
        self.own = mask.copy()
        self._pool = pool

    def without(self, items: Ints) -> Self:
        """Clears these positions; a position may occur twice."""
        self._items = items
        if kernels.compiled is not None:
            self._values_before = kernels.compiled.cleared(self.own, items)
            return self
        self._values_before = self.own[items]
        self.own[items] = False
        return self

    def __enter__(self) -> Bools:
        return self.own

    def __exit__(self, *_error: object) -> None:
        self.own[self._items] = self._values_before
        if not self.mask.flags.writeable:
            self._pool.append(self)
            if len(self._pool) > MAX_POOLED:
                self._pool.pop(0)


class MaskPool:
    """Copies of masks for reuse: to copy a million flags takes as long as a search among them.

    Any number of threads may use it.
    """

    def __init__(self) -> None:
        self._pool: list[BorrowedMask] = []

    def without(self, mask: Bools, items: Ints) -> BorrowedMask:
        """A context with the mask without those items, (I,), which belongs to the caller until the context ends."""
        for copy in tuple(self._pool):
            if copy.mask is mask:
                with suppress(ValueError):  # another thread took it
                    self._pool.remove(copy)
                    return copy.without(items)
        return BorrowedMask(mask, self._pool).without(items)

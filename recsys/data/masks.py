"""Masks over all items: those worked out for one state of a catalogue, and copies to write to, kept for the next."""

from contextlib import suppress
from typing import Self

from recsys.arrays import Bools, Ints

MOST_LENT = 4
MOST_BYTES = 8 * 2**20  # a worker's


class Masks:
    """By the text of the filter; those asked for lately stay.  Any number of threads may use it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._found: dict[str, Bools] = {}

    def find(self, text: str) -> Bools | None:
        """The mask, which is read-only."""
        mask = self._found.pop(text, None)
        if mask is not None:
            self._found[text] = mask
        return mask

    def keep(self, text: str, mask: Bools) -> None:
        self._found[text] = mask
        while len(self._found) > max(self._most_bytes // len(mask), 1) if len(mask) else 1:
            self._found.pop(next(iter(self._found), text), None)


class Lent:
    """A copy of a mask, to be written to and put back.  One user at a time."""

    __slots__ = ("_items", "_pool", "_was", "mask", "own")

    def __init__(self, mask: Bools, pool: "list[Lent]") -> None:
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


class Scratch:
    """Copies of masks that all share, kept for the next: copying a million flags takes as long as a search among them.

    Any number of threads may use it.
    """

    def __init__(self) -> None:
        self._pool: list[Lent] = []

    def without(self, mask: Bools, items: Ints) -> Lent:
        """As a context: the mask without those items, (I,), fresh until the context ends."""
        return self._lent(mask).without(items)

    def _lent(self, mask: Bools) -> Lent:
        for lent in tuple(self._pool):
            if lent.mask is mask:
                with suppress(ValueError):  # another thread took it
                    self._pool.remove(lent)
                    return lent
        return Lent(mask, self._pool)

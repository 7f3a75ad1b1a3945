"""Ranked lists: the items that each of Q customers was shown, best first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import AnyArray, Bools, Ints
from recsys.errors import BadInput


@dataclass(frozen=True, slots=True)
class RankedLists:
    """The lists of Q customers, best first: item (Q, K) int32, of which row q holds length[q]; the rest is ignored.

    Raises BadInput for shapes that do not fit, an item below 0, and an item twice in one list.
    """

    item: Ints
    length: Ints

    def __post_init__(self) -> None:
        if self.item.ndim != 2 or self.length.shape != self.item.shape[:1]:
            raise BadInput(f"lists {self.item.shape} and lengths {self.length.shape} do not fit; give (Q, K) and (Q,)")
        if np.any((self.length < 0) | (self.length > self.item.shape[1])):
            raise BadInput(f"a list longer than its {self.item.shape[1]} places, or shorter than none")
        if np.any(self.shown & (self.item < 0)):
            raise BadInput("a list holds an item below 0; make it shorter instead")
        # Each ignored place gets a number of its own below zero, so that only shown items can be there twice.
        shown = np.where(self.shown, self.item, -1 - np.arange(self.item.shape[1]))
        ordered = np.sort(shown, axis=1)
        twice = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if len(twice):
            raise BadInput(f"list {twice[0]} holds an item twice; every item may earn its hit once")

    @classmethod
    def from_rows(cls, rows: Sequence[AnyArray], k: int) -> "RankedLists":
        """One list per row of items, each of k items at most."""
        item = np.zeros((len(rows), k), np.int32)
        for at, row in enumerate(rows):
            item[at, : len(row)] = row
        return cls(item, np.array([len(row) for row in rows], np.int32))

    @property
    def shown(self) -> Bools:
        """Which places hold an item: (Q, K)."""
        places: Bools = np.arange(self.item.shape[1]) < self.length[:, None]
        return places

"""Exact search by inner product: every allowed item is looked at, so the answer is the answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from recsys.arrays import Bools, Floats, Ints
from recsys.index import ann
from recsys.index.base import FILE_NAME


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """A flat index.  A mask comes first: the narrower it is, the faster the search."""

    flat: ann.Flat

    @classmethod
    def of(cls, item_vectors: Floats) -> Self:
        """The index of these vectors, (I, F) float32."""
        return cls(ann.flat_of(item_vectors))

    @property
    def n_items(self) -> int:
        return int(self.flat.ntotal)

    def search(self, vectors: Floats, k: int, allowed: Bools | None = None) -> tuple[Ints, Floats]:
        def one(vector: Floats, n: int) -> ann.Found:
            return ann.search_flat(self.flat, vector, n, allowed)

        return ann.search_all(one, vectors, k, n_items=self.n_items, allowed=allowed)

    def save(self, directory: Path) -> None:
        ann.write(self.flat, directory / FILE_NAME)

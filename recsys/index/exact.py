"""Exact search by inner product: what is not looked at cannot be among the best, so the answer is the answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from recsys.arrays import Bools, Floats, Ints, top_k
from recsys.index import ann
from recsys.index.base import FILE_NAME

STAGES = (2_048, 8_192, 16_384)  # so many of the longest vectors are tried before all are; 4 MB a process at 64 factors
FEW = 4_096  # items a narrow filter leaves: looking at just these takes less than any search
ROUNDING = 1e-4  # of a bound, against the rounding of two ways to multiply


@dataclass(frozen=True, slots=True)
class Head:
    """The longest vectors, longest first.

    An inner product is at most |query| x |item| (Cauchy-Schwarz), and few items of a shop have long vectors: once k
    scores lie above |query| times the next length, nothing further down can reach them.
    positions (H,), vectors (H, F); next_length: the longest vector after each of STAGES.
    """

    positions: Ints
    vectors: Floats
    next_length: tuple[float, ...]

    @classmethod
    def of(cls, item_vectors: Floats) -> "Head | None":
        """None for a catalogue so small that looking at all of it is as fast."""
        if len(item_vectors) <= 2 * STAGES[-1]:
            return None
        length = np.linalg.norm(item_vectors, axis=1)
        longest = top_k(length, STAGES[-1] + 1)
        bounds = tuple(float(length[longest[stage]]) for stage in STAGES)
        positions = longest[: STAGES[-1]]
        return cls(positions, np.ascontiguousarray(item_vectors[positions]), bounds)

    def search(self, vector: Floats, n: int, allowed: Bools | None) -> ann.Found | None:
        """The n best of one query (1, F), best first; None when they cannot be told without the rest."""
        reach = float(np.linalg.norm(vector)) * (1 + ROUNDING)
        scores = np.empty(0, np.float32)
        for stage, next_length in zip(STAGES, self.next_length, strict=True):
            scores = np.concatenate((scores, self.vectors[len(scores) : stage] @ vector[0]))
            sure = (scores > reach * next_length).nonzero()[0]
            if allowed is not None:
                sure = sure[allowed[self.positions[sure]]]
            if len(sure) >= n:
                chosen = sure[top_k(scores[sure], n)]
                return self.positions[chosen].astype(np.int64), scores[chosen]
        return None

    def first(self, vector: Floats, k: int, allowed: Bools | None) -> tuple[Ints, Floats] | None:
        """The k best of one query (1, F) in total order, two of (1, k); None when the head does not settle it."""
        found = self.search(vector, k + 1, allowed) if k > 0 else None
        if found is None or found[1][k] == found[1][k - 1]:  # others may tie with the last one, too
            return None
        positions, scores = found[0][:k], found[1][:k]
        order = np.lexsort((positions, -scores))
        return positions[order].astype(np.int32)[None], scores[order][None]


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """A flat index, asked only when the head of it does not settle the question; a mask comes first."""

    flat: ann.Flat
    head: Head | None

    @classmethod
    def of(cls, item_vectors: Floats) -> Self:
        """The index of these vectors, (I, F) float32."""
        return cls(ann.flat_of(item_vectors), Head.of(item_vectors))

    @classmethod
    def over(cls, flat: ann.Flat) -> Self:
        """The index over what was read from a file."""
        return cls(flat, Head.of(ann.vectors_of(flat)))

    @property
    def n_items(self) -> int:
        return int(self.flat.ntotal)

    def search(self, vectors: Floats, k: int, allowed: Bools | None = None) -> tuple[Ints, Floats]:
        if len(vectors) == 1 and self.head is not None and (allowed is None or len(allowed) == self.n_items):
            settled = self._settled(self.head, vectors, k, allowed)
            if settled is not None:
                return settled

        def one(vector: Floats, n: int) -> ann.Found:
            found = self.head.search(vector, n, allowed) if self.head is not None else None
            return found if found is not None else ann.search_flat(self.flat, vector, n, allowed)

        return ann.search_all(one, vectors, k, n_items=self.n_items, allowed=allowed)

    def _settled(self, head: Head, vector: Floats, k: int, allowed: Bools | None) -> tuple[Ints, Floats] | None:
        """The answer to one query (1, F) that needs no look at all the vectors; None when there is no such."""
        if allowed is None or np.count_nonzero(allowed) > FEW:
            return head.first(vector, k, allowed)
        positions = allowed.nonzero()[0]
        scores = ann.vectors_of(self.flat)[positions] @ vector[0]
        if not np.isfinite(scores).all():
            return None
        best = top_k(scores, k)
        return positions[best].astype(np.int32)[None], scores[best][None]

    def save(self, directory: Path) -> None:
        ann.write(self.flat, directory / FILE_NAME)

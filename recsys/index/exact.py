"""Exact search by inner product with an early stop: vectors that cannot be among the best are not visited."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from recsys.arrays import Bools, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec, positions
from recsys.errors import BadBundle
from recsys.index import ann
from recsys.index.base import FILE_NAME

ORDER = "order.npy"
LENGTH = "length.npy"
FIRST = 2_048  # vectors of the first block
FIRST_ROWS = 512  # the same of given rows, which lie scattered
OVERFETCH = 3  # times k: candidates for the bound, of which some may not be eligible
MIN_BLOCK = 64  # vectors of a further block: a bound and a score may differ by their rounding
SAMPLE = 256  # sampled positions to estimate the share of eligible items
NARROW = 8  # a mask is narrow if under 1/8 of the items are eligible: then only their vectors are visited
ROUNDING = 1e-4  # relative margin of a bound, against different rounding of two products


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """Vectors in a flat index, longest first, shared by all processes that map it.

    An inner product is at most |query| x |item| (Cauchy-Schwarz), and few items of a shop have long vectors: once k
    scores lie above |query| times the next length, no further vector can reach them.
    order (I,): the item of each vector; length (I,) float32: of each vector; place (I,): the vector of each item.
    """

    flat: ann.Flat
    order: Ints
    length: Floats
    place: Ints
    vectors: Floats = field(init=False, repr=False, compare=False)  # those of `flat`, without a copy

    def __post_init__(self) -> None:
        object.__setattr__(self, "vectors", ann.flat_vectors(self.flat))

    @classmethod
    def from_vectors(cls, item_vectors: Floats) -> Self:
        """The index of these vectors, (I, F) float32."""
        length = np.linalg.norm(item_vectors, axis=1).astype(np.float32)
        order = np.argsort(-length, kind="stable").astype(np.int32)
        return cls(ann.flat_index(item_vectors[order]), order, length[order], _inverse(order))

    @classmethod
    def from_file(cls, flat: ann.Flat, directory: Path) -> Self:
        """The index from the flat index of its file and the arrays beside it.  Raises BadBundle."""
        try:
            # Plain arrays over the map: slicing a memmap takes ten times as long.
            order, length = (np.asarray(np.load(directory / name, mmap_mode="r")) for name in (ORDER, LENGTH))
        except (OSError, ValueError) as error:
            raise BadBundle(f"{directory}: another build of recsys made this index ({error}); train again") from None
        return cls(flat, order, length, _inverse(order))

    @property
    def n_items(self) -> int:
        return int(self.flat.ntotal)

    @property
    def shape(self) -> tuple[int, int]:
        return (int(self.flat.ntotal), int(self.flat.d))

    @staticmethod
    def specs() -> dict[str, ArraySpec]:
        """What each array of a bundle must be."""
        return {
            "order": positions("I", "I", order="each once"),
            "length": ArraySpec("I", "float32", low=0, order="falling"),
        }

    def search(self, vectors: Floats, k: int, eligible: Bools | None = None) -> tuple[Ints, Floats]:
        ann.check(vectors, self.n_items, eligible)
        if k <= 0 or not len(vectors):
            width = max(0, min(k, self.n_items if eligible is None else int(np.count_nonzero(eligible))))
            return np.empty((len(vectors), width), np.int32), np.empty((len(vectors), width), np.float32)
        rows = None
        if eligible is not None and _is_narrow(eligible):
            rows, eligible = self.rows(eligible.nonzero()[0]), None
        matches = [self._best(vector, k, rows, eligible) for vector in vectors.astype(np.float32, copy=False)]
        return np.stack([items for items, _ in matches]), np.stack([scores for _, scores in matches])

    def rows(self, items: Ints | Longs) -> Ints:
        """The rows of these items, rising: longest vectors first.  (N,) -> (N,)"""
        return np.sort(self.place[items])

    def search_rows(self, vector: Floats, k: int, rows: Ints, eligible: Bools) -> tuple[Ints, Floats]:
        """The k best eligible items of these rows for one query, as `search` finds them.

        vector (F,); rows (N,): of `rows`, kept by the caller; eligible (I,).
        """
        return self._best(vector, k, rows, eligible)

    def save(self, directory: Path) -> None:
        ann.write(self.flat, directory / FILE_NAME)
        np.save(directory / ORDER, self.order)
        np.save(directory / LENGTH, self.length)

    def mean_visited(self, vectors: Floats, k: int) -> float:
        """How many vectors a search visits on average for these queries, (Q, F)."""
        visited = [self._scan(vector, k, None, None)[2] for vector in vectors]
        return float(np.mean(visited)) if visited else 0.0

    def _best(self, vector: Floats, k: int, rows: Ints | None, eligible: Bools | None) -> tuple[Ints, Floats]:
        """The k best of one query (F,) in total order: by score, then position."""
        at, scores, _ = self._scan(vector, k, rows, eligible)
        if len(at) > 4 * k:
            near = (scores >= np.partition(scores, -k)[-k]).nonzero()[0]
            at, scores = at[near], scores[near]
        items = self.order[at]
        first = np.lexsort((items, -scores))[:k]
        return items[first], scores[first]

    def _scan(self, vector: Floats, k: int, rows: Ints | None, eligible: Bools | None) -> tuple[Ints, Floats, int]:
        """Places and scores that include the k best and all ties with them, and how many vectors were visited.

        rows: the only places to visit, rising.  eligible (I,): which items may be found.
        """
        vectors = self.vectors
        length, order = (self.length, self.order) if rows is None else (self.length[rows], self.order[rows])
        reach = float(np.linalg.norm(vector.astype(np.float64))) * (1 + ROUNDING)
        scores = np.empty(0, np.float32)
        n = min(FIRST if rows is None else FIRST_ROWS, len(length))
        while True:
            block = vectors[len(scores) : n] if rows is None else vectors[rows[len(scores) : n]]
            scores = np.concatenate((scores, block @ vector))
            is_last = n == len(length)
            final = np.arange(n) if is_last else (scores > reach * length[n]).nonzero()[0]
            if eligible is not None:
                final = final[eligible[order[final]]]
            if is_last or len(final) >= k:
                at = final.astype(np.int32) if rows is None else rows[final]
                return at, scores[final], n
            n = _next(n, length, _lower_bound(scores, k, order, eligible) / reach if reach else -np.inf)


def _lower_bound(scores: Floats, k: int, order: Ints, eligible: Bools | None) -> float:
    """A lower bound of the k-th best, from the scores of the first places; minus infinity when they are too few."""
    if eligible is not None:
        # Only the best candidates, so that fewer have to be checked.
        near = scores.argpartition(max(0, len(scores) - OVERFETCH * k))[-OVERFETCH * k :]
        scores = scores[near[eligible[order[near]]]]
    return float(np.partition(scores, -k)[-k]) if len(scores) >= k else -np.inf


def _next(n: int, length: Floats, least: float) -> int:
    """The end of the next block: where vectors become too short, but at most twice as far."""
    end = min(2 * n, len(length))
    return min(n + max(MIN_BLOCK, int(np.count_nonzero(length[n:end] >= least))), len(length))


def _is_narrow(eligible: Bools) -> bool:
    """True if few items are eligible, estimated from a sample: counting a million takes as long as a search."""
    sample = eligible[:: max(1, len(eligible) // SAMPLE)]
    return int(np.count_nonzero(sample)) * NARROW < len(sample)


def _inverse(order: Ints) -> Ints:
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place

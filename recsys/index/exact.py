"""Exact search by inner product with an early stop: vectors that cannot be among the best are not visited."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from recsys import kernels
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
class IndexRows:
    """Some rows of an index, longest vectors first, which a caller may keep for many searches.

    rows, items (N,): places in the index and their items; length (N,); head (H, F): the first vectors side by side.
    """

    rows: Ints
    items: Ints
    length: Floats
    head: Floats


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

    def rows(self, items: Ints | Longs) -> IndexRows:
        """The rows of these items.  (N,)"""
        rows = np.sort(self.place[items])
        return IndexRows(rows, self.order[rows], self.length[rows], self.vectors[rows[:FIRST_ROWS]])

    def search_rows(self, vector: Floats, k: int, rows: IndexRows | None, eligible: Bools) -> tuple[Ints, Floats]:
        """The k best eligible items of these rows, or of all, for one query (F,), as `search` finds them.

        eligible (I,)
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

    def _best(self, vector: Floats, k: int, rows: IndexRows | None, eligible: Bools | None) -> tuple[Ints, Floats]:
        """The k best of one query (F,) in total order: by score, then position."""
        if kernels.compiled is not None:
            own = (None, self.order, self.length) if rows is None else (rows.rows, rows.items, rows.length)
            return kernels.compiled.search(self.vectors, *own, vector, 1 + ROUNDING, k, eligible)
        items, scores, _ = self._scan(vector, k, rows, eligible)
        if len(items) > 4 * k:
            near = (scores >= np.partition(scores, -k)[-k]).nonzero()[0]
            items, scores = items[near], scores[near]
        first = np.lexsort((items, -scores))[:k]
        return items[first], scores[first]

    def _scan(self, vector: Floats, k: int, rows: IndexRows | None, eligible: Bools | None) -> tuple[Ints, Floats, int]:
        """Items and scores that include the k best and all ties with them, and how many vectors were visited.

        rows: the only ones to visit.  eligible (I,): which items may be found.
        """
        length, order = (self.length, self.order) if rows is None else (rows.length, rows.items)
        reach = _reach(vector)
        scores = np.empty(0, np.float32)
        n = min(FIRST if rows is None else FIRST_ROWS, len(length))
        while True:
            scores = np.concatenate((scores, self._block(rows, len(scores), n) @ vector))
            is_last = n == len(length)
            final = np.arange(n) if is_last else (scores > reach * length[n]).nonzero()[0]
            items = order[final]
            if eligible is not None:
                is_shown = eligible[items]
                final, items = final[is_shown], items[is_shown]
            if is_last or len(final) >= k:
                return items, scores[final], n
            n = _next(n, length, _lower_bound(scores, k, order, eligible) / reach if reach else -np.inf)

    def _block(self, rows: IndexRows | None, start: int, end: int) -> Floats:
        """The vectors to visit from `start` to `end`."""
        if rows is None:
            return self.vectors[start:end]
        return self.vectors[rows.rows[start:end]] if start else rows.head[:end]


def _reach(vector: Floats) -> float:
    """The highest inner product with a vector of length 1, and a margin for rounding."""
    precise = vector.astype(np.float64)
    return math.sqrt(precise @ precise) * (1 + ROUNDING)


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

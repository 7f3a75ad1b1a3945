"""Exact search by inner product: what is not looked at cannot be among the best, so the answer is the answer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from recsys.arrays import Bools, Floats, Ints
from recsys.errors import BadBundle
from recsys.index import ann
from recsys.index.base import FILE_NAME

ORDER = "order.npy"
LENGTH = "length.npy"
FIRST = 2_048  # vectors that are tried before the next ones are
AROUND = 3  # times as many as are wanted, of which some may not be shown
LEAST = 64  # so many at least: a bound and a score may differ by their rounding
SAMPLE = 256  # places of a mask that tell whether it is narrow
NARROW = 8  # a mask that leaves fewer than one in so many: only those are gone through
ROUNDING = 1e-4  # of a bound, against the rounding of two ways to multiply


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """Vectors in a flat index, longest first, shared by all who map it.

    An inner product is at most |query| x |item| (Cauchy-Schwarz), and few items of a shop have long vectors: once k
    scores lie above |query| times the next length, nothing further down can reach them.
    order (I,): which item each of them is; length (I,) float32: how long they are; place (I,): where each item stands.
    """

    flat: ann.Flat
    order: Ints
    length: Floats
    place: Ints
    vectors: Floats = field(init=False, repr=False, compare=False)  # those of `flat`, where they are

    def __post_init__(self) -> None:
        object.__setattr__(self, "vectors", ann.vectors_of(self.flat))

    @classmethod
    def of(cls, item_vectors: Floats) -> Self:
        """The index of these vectors, (I, F) float32."""
        length = np.linalg.norm(item_vectors, axis=1).astype(np.float32)
        order = np.argsort(-length, kind="stable").astype(np.int32)
        return cls(ann.flat_of(item_vectors[order]), order, length[order], _inverse(order))

    @classmethod
    def over(cls, flat: ann.Flat, directory: Path) -> Self:
        """The index over what was read from a file and stands beside it.  Raises BadBundle."""
        try:
            # As plain arrays over the map: a memmap takes ten times as long to be sliced.
            order, length = (np.asarray(np.load(directory / name, mmap_mode="r")) for name in (ORDER, LENGTH))
        except (OSError, ValueError) as error:
            raise BadBundle(f"{directory}: another build of recsys made this index ({error}); train again") from None
        return cls(flat, order, length, _inverse(order))

    @property
    def n_items(self) -> int:
        return int(self.flat.ntotal)

    def search(self, vectors: Floats, k: int, allowed: Bools | None = None) -> tuple[Ints, Floats]:
        ann.check(vectors, self.n_items, allowed)
        if k <= 0 or not len(vectors):
            width = max(0, min(k, self.n_items if allowed is None else int(np.count_nonzero(allowed))))
            return np.empty((len(vectors), width), np.int32), np.empty((len(vectors), width), np.float32)
        rows = None
        if allowed is not None and _is_narrow(allowed):
            rows, allowed = np.sort(self.place[allowed.nonzero()[0]]), None
        found = [self._best(vector, k, rows, allowed) for vector in vectors.astype(np.float32, copy=False)]
        return np.stack([items for items, _ in found]), np.stack([scores for _, scores in found])

    def save(self, directory: Path) -> None:
        ann.write(self.flat, directory / FILE_NAME)
        np.save(directory / ORDER, self.order)
        np.save(directory / LENGTH, self.length)

    def looked_at(self, vectors: Floats, k: int) -> float:
        """How many vectors are gone through for each of these queries, (Q, F), on average."""
        seen = [self._settled(vector, k, None, None)[2] for vector in vectors]
        return float(np.mean(seen)) if seen else 0.0

    def _best(self, vector: Floats, k: int, rows: Ints | None, allowed: Bools | None) -> tuple[Ints, Floats]:
        """The k best of one query (F,) in total order: by score, then position."""
        at, scores, _ = self._settled(vector, k, rows, allowed)
        if len(at) > 4 * k:
            near = (scores >= np.partition(scores, -k)[-k]).nonzero()[0]
            at, scores = at[near], scores[near]
        items = self.order[at]
        first = np.lexsort((items, -scores))[:k]
        return items[first], scores[first]

    def _settled(self, vector: Floats, k: int, rows: Ints | None, allowed: Bools | None) -> tuple[Ints, Floats, int]:
        """Places and scores that hold the k best and all that tie with them, and how many vectors it took.

        rows: the only places to go through, rising.  allowed (I,): which items may be found, among all places.
        """
        everything = self.vectors
        length = self.length if rows is None else self.length[rows]
        reach = float(np.linalg.norm(vector.astype(np.float64))) * (1 + ROUNDING)
        scores = np.empty(0, np.float32)
        n = min(FIRST, len(length))
        while True:
            block = everything[len(scores) : n] if rows is None else everything[rows[len(scores) : n]]
            scores = np.concatenate((scores, block @ vector))
            is_last = n == len(length)
            sure = np.arange(n) if is_last else (scores > reach * length[n]).nonzero()[0]
            if allowed is not None:
                sure = sure[allowed[self.order[sure]]]
            if is_last or len(sure) >= k:
                at = sure.astype(np.int32) if rows is None else rows[sure]
                return at, scores[sure], n
            n = _next(n, length, self._bar(scores, k, allowed) / reach if reach else -np.inf)

    def _bar(self, scores: Floats, k: int, allowed: Bools | None) -> float:
        """What the k-th best cannot be below, from the scores of the first places; minus infinity when they are few."""
        if allowed is not None:
            near = scores.argpartition(max(0, len(scores) - AROUND * k))[-AROUND * k :]  # fewer to ask whether they may
            scores = scores[near[allowed[self.order[near]]]]
        return float(np.partition(scores, -k)[-k]) if len(scores) >= k else -np.inf


def _next(n: int, length: Floats, least: float) -> int:
    """Up to which place to go through next: where vectors become too short, but not more than twice as far."""
    end = min(2 * n, len(length))
    return min(n + max(LEAST, int(np.count_nonzero(length[n:end] >= least))), len(length))


def _is_narrow(allowed: Bools) -> bool:
    """Whether a mask leaves little, told from some of its places: to count a million takes as long as a search."""
    some = allowed[:: max(1, len(allowed) // SAMPLE)]
    return int(np.count_nonzero(some)) * NARROW < len(some)


def _inverse(order: Ints) -> Ints:
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place

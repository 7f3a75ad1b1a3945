"""Candidates: the best items of a model with their scores; and the blend of several models on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from recsys import kernels
from recsys.arrays import Bools, Doubles, Floats, Ints, top_k
from recsys.fast_dataclass import fast_frozen


@fast_frozen
@dataclass(frozen=True, slots=True)
class Candidates:
    """Some items, best first, ties by position.  items (N,) int32, scores (N,) float32."""

    items: Ints
    scores: Floats

    def __len__(self) -> int:
        return len(self.items)


NO_CANDIDATES = Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


def best(scores: Floats, mask: Bools, k: int, likely: Ints | None = None) -> Candidates:
    """Up to k items of the mask with a score above 0.  (I,), (I,) -> Candidates

    `likely`: items that often score high; they change how fast the result comes, not the result.
    """
    some = scores[likely][mask[likely]] if likely is not None else scores[:0]
    # The k-th best of some is a lower bound of the k-th best of all.
    bound = float(np.partition(some, -k)[-k]) if 0 < k <= len(some) else 0.0
    items = ((scores >= bound if bound > 0 else scores > 0) & mask).nonzero()[0]
    if len(items) > k:
        items = items[top_k(scores[items], k)]
        return Candidates(items.astype(np.int32), scores[items])
    order = np.lexsort((items, -scores[items]))
    return Candidates(items[order].astype(np.int32), scores[items[order]])


def best_of_few(items: Ints, scores: Floats, k: int) -> Candidates:
    """Up to k of a few items with a score above 0.  (N,), (N,) -> Candidates"""
    liked = (scores > 0).nonzero()[0]
    return ranked(items[liked], scores[liked], k)


def ranked(items: Ints, scores: Floats, k: int) -> Candidates:
    """The k best of a few items by score, ties by position.  (N,), (N,) -> Candidates"""
    if len(items) > 4 * k > 0:
        near = (scores >= np.partition(scores, -k)[-k]).nonzero()[0]
        items, scores = items[near], scores[near]
    order = np.lexsort((items, -scores))[:k]
    return Candidates(items[order], scores[order])


def blended(lists: Sequence[tuple[Candidates, float]], k: int) -> Candidates:
    """The k best by weighted sum; each list's scores are divided by their sum to bring them to one scale."""
    weighted = [(candidates, weight) for candidates, weight in lists if weight > 0 and len(candidates)]
    if not weighted:
        return NO_CANDIDATES
    if len(weighted) == 1:
        candidates, weight = weighted[0]
        return Candidates(candidates.items[:k], (normalized(candidates.scores) * weight)[:k].astype(np.float32))
    if kernels.compiled is not None:
        parts = [(candidates.items, candidates.scores, weight) for candidates, weight in weighted]
        return Candidates(*kernels.compiled.blended(parts, k))
    total: dict[int, float] = {}
    for candidates, weight in weighted:
        scores = candidates.scores.tolist()
        share = -weight / fsum(scores)
        for item, score in zip(candidates.items.tolist(), scores, strict=True):
            total[item] = total.get(item, 0.0) + score * share
    # Totals are negative: sorting puts the best first, and of equal ones the lower item.
    order = sorted(zip(total.values(), total, strict=True))[:k]
    totals, items = zip(*order, strict=True)
    return Candidates(np.array(items, np.int32), -np.array(totals, np.float32))


def normalized(scores: Floats) -> Doubles:
    """Scores above 0 as parts of their sum.  (N,) -> (N,)"""
    shares: Doubles = scores / np.add.reduce(scores, dtype=np.float64)
    return shares

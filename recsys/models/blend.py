"""Several models as one: the best candidates of each, on one scale, added up by weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, top_k
from recsys.light import light


@light
@dataclass(frozen=True, slots=True)
class Candidates:
    """Some items, best first, ties by position.  items (N,) int32, scores (N,) float32."""

    items: Ints
    scores: Floats

    def __len__(self) -> int:
        return len(self.items)


NOBODY = Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


def best(scores: Floats, allowed: Bools, k: int, likely: Ints | None = None) -> Candidates:
    """Up to k allowed items with a score above 0.  (I,), (I,) -> Candidates

    `likely`: items among which good ones are often found; they change how fast the answer comes, not the answer.
    """
    bar = _bar(scores[likely][allowed[likely]], k) if likely is not None else 0.0
    found = ((scores >= bar if bar > 0 else scores > 0) & allowed).nonzero()[0]
    if len(found) > k:
        found = found[top_k(scores[found], k)]
        return Candidates(found.astype(np.int32), scores[found])
    order = np.lexsort((found, -scores[found]))
    return Candidates(found[order].astype(np.int32), scores[found[order]])


def best_of(items: Ints, scores: Floats, k: int) -> Candidates:
    """Up to k of a few items with a score above 0.  (N,), (N,) -> Candidates"""
    liked = (scores > 0).nonzero()[0]
    return ranked(items[liked], scores[liked], k)


def _bar(some: Floats, k: int) -> float:
    """The k-th best of some scores, which the k-th best of all cannot be below; 0 when they are fewer."""
    return float(np.partition(some, -k)[-k]) if 0 < k <= len(some) else 0.0


def ranked(items: Ints, scores: Floats, k: int) -> Candidates:
    """The k best of a few items by score, ties by position.  (N,), (N,) -> Candidates"""
    if len(items) > 4 * k > 0:
        near = (scores >= np.partition(scores, -k)[-k]).nonzero()[0]
        items, scores = items[near], scores[near]
    order = np.lexsort((items, -scores))[:k]
    return Candidates(items[order], scores[order])


def blended(parts: Sequence[tuple[Candidates, float]], k: int) -> Candidates:
    """The k best by weighted sum; each part's scores are divided by their sum, so that no part shouts louder."""
    useful = [(part, weight) for part, weight in parts if weight > 0 and len(part)]
    if not useful:
        return NOBODY
    if len(useful) == 1:
        only, weight = useful[0]
        return Candidates(only.items[:k], (shares_of(only.scores) * weight)[:k].astype(np.float32))
    total: dict[int, float] = {}
    for part, weight in useful:
        for item, share in zip(part.items.tolist(), (shares_of(part.scores) * weight).tolist(), strict=True):
            total[item] = total.get(item, 0.0) - share
    # Below 0, so that the best come first, and of equals the lower item.
    order = sorted(zip(total.values(), total, strict=True))[:k]
    return Candidates(np.array([item for _, item in order], np.int32), np.array([-w for w, _ in order], np.float32))


def shares_of(scores: Floats) -> Doubles:
    """Scores above 0 as parts of their sum.  (N,) -> (N,)"""
    shares: Doubles = scores / scores.sum(dtype=np.float64)
    return shares

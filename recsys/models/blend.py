"""Blend: a weighted sum of several models over the best candidates of each, on one scale."""

from collections.abc import Sequence

import numpy as np

from recsys.arrays import Doubles, Floats
from recsys.models.candidates import NO_CANDIDATES, Candidates


def blended(parts: Sequence[tuple[Candidates, float]], k: int) -> Candidates:
    """The k best by weighted sum; each part's scores are divided by their sum to bring them to one scale."""
    useful = [(part, weight) for part, weight in parts if weight > 0 and len(part)]
    if not useful:
        return NO_CANDIDATES
    if len(useful) == 1:
        only, weight = useful[0]
        return Candidates(only.items[:k], (normalized(only.scores) * weight)[:k].astype(np.float32))
    total: dict[int, float] = {}
    for part, weight in useful:
        for item, share in zip(part.items.tolist(), (normalized(part.scores) * weight).tolist(), strict=True):
            total[item] = total.get(item, 0.0) - share
    # Totals are negative: sorting puts the best first, and of equal ones the lower item.
    order = sorted(zip(total.values(), total, strict=True))[:k]
    return Candidates(np.array([item for _, item in order], np.int32), np.array([-w for w, _ in order], np.float32))


def normalized(scores: Floats) -> Doubles:
    """Scores above 0 as parts of their sum.  (N,) -> (N,)"""
    shares: Doubles = scores / scores.sum(dtype=np.float64)
    return shares

"""kNN voting: the weighted mean of the nearest votes, for item-kNN and user-kNN."""

import numpy as np

from recsys.arrays import Doubles, Floats, Longs


def weighted_vote(target: Longs, weight: Doubles | Floats, vote: Floats, *, k: int, doubt: float, n: int) -> Floats:
    """sum(weight * vote) / (sum(weight) + doubt) over the first k votes of each target: (n,), 0 without votes.

    target (V,) ascending, the best vote first within each; weight above 0 and vote (V,).
    """
    counts = np.bincount(target, minlength=n)
    rank = np.arange(len(target)) - np.repeat(np.cumsum(counts) - counts, counts)
    near = rank < k
    target, weight, vote = target[near], weight[near], vote[near]
    total = np.bincount(target, weight, n) + doubt
    weighted = np.bincount(target, weight.astype(np.float64) * vote, n)
    mean: Floats = np.divide(weighted, total, out=np.zeros(n), where=total > 0).astype(np.float32)
    return mean

"""Many votes on many questions, the nearest few of each counted: what both kinds of neighbours share."""

import numpy as np

from recsys.arrays import Doubles, Floats, Longs


def voted(question: Longs, weight: Doubles | Floats, says: Floats, *, k: int, doubt: float, n: int) -> Floats:
    """sum(weight * says) / (sum(weight) + doubt) over the first k votes of each question: (n,), 0 without votes.

    question (V,) ascending, best vote first within each; weight above 0 and says (V,).
    """
    counts = np.bincount(question, minlength=n)
    rank = np.arange(len(question)) - np.repeat(np.cumsum(counts) - counts, counts)
    near = rank < k
    question, weight, says = question[near], weight[near], says[near]
    total = np.bincount(question, weight, n) + doubt
    pull = np.bincount(question, weight.astype(np.float64) * says, n)
    moved: Floats = np.divide(pull, total, out=np.zeros(n), where=total > 0).astype(np.float32)
    return moved

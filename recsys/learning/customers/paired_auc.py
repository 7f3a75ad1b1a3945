"""AUC of a score, and whether one score orders the same examples better than another (DeLong's paired test)."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Ints, Longs

NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class AucComparison:
    """AUC of a model and of a rule on the same customers, and the 95 % interval of the difference.

    NaN without both outcomes.
    """

    model: float
    rule: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0


def auc(outcome: Bools, score: Doubles) -> float:
    """The chance that somebody with the outcome has the higher score; ties count half, NaN without both outcomes."""
    n, ones = len(outcome), int(outcome.sum())
    if ones in (0, n):
        return float("nan")
    return float((_midranks(score)[outcome].sum() - ones * (ones + 1) / 2) / (ones * (n - ones)))


def compare_auc(outcome: Bools, model: Doubles, rule: Doubles, customer: Ints | Longs | None = None) -> AucComparison:
    """Both scores (N,), higher for likelier.  DeLong, DeLong & Clarke-Pearson 1988, by midranks (Sun & Xu 2014).

    customer (N,): examples of one customer are not independent; the interval is then that of drawing customers
    (Obuchowski 1997).
    """
    ones, zeros = np.flatnonzero(outcome), np.flatnonzero(~outcome)
    m, n = len(ones), len(zeros)
    if min(m, n) < 2:
        return AucComparison(auc(outcome, model), auc(outcome, rule), float("nan"), float("nan"))
    of_ones, of_zeros = np.empty((2, m)), np.empty((2, n))
    for at, score in enumerate((model, rule)):
        ranks = _midranks(np.concatenate((score[ones], score[zeros])))
        of_ones[at] = (ranks[:m] - _midranks(score[ones])) / n
        of_zeros[at] = 1 - (ranks[m:] - _midranks(score[zeros])) / m
    areas = of_ones.mean(axis=1)
    difference = float(areas[0] - areas[1])
    influence = np.empty(m + n)
    influence[ones] = (of_ones[0] - of_ones[1] - difference) / m
    influence[zeros] = (of_zeros[0] - of_zeros[1] - difference) / n
    margin = NORMAL_95 * _standard_error(influence, customer)
    return AucComparison(float(areas[0]), float(areas[1]), difference - margin, difference + margin)


def _midranks(score: Doubles) -> Doubles:
    """Ranks (N,) from 1, lowest first; equal scores share their mean rank, and one NaN makes all NaN.

    `scipy.stats` has them too, and takes half a second of each process that only loads it.
    """
    _, group, sizes = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return np.where(np.isnan(score).any(), np.nan, ranks)


def _standard_error(influence: Doubles, customer: Ints | Longs | None) -> float:
    """Of a sum of independent parts with mean 0: the examples, or the customers."""
    n = len(influence) if customer is None else len(np.unique(customer))
    parts = influence if customer is None else np.bincount(customer, influence).astype(np.float64)
    return float(np.sqrt(np.sum(parts**2) * n / max(n - 1, 1)))

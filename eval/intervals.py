"""How far a mean over customers may be off by the luck of who was asked."""

import numpy as np
from numpy.random import Generator

from eval.compare import MIN_RESAMPLES
from recsys.arrays import Doubles
from recsys.errors import BadInput

_BLOCK = 4_000_000  # draws at once: some 50 MB


def intervals(scores: Doubles, rng: Generator, n_resamples: int = MIN_RESAMPLES) -> Doubles:
    """The 95 % bootstrap interval of each column's mean, all columns over the same resamples of customers.

    (Q, M), NaN where not judged -> (M, 2): low and high, NaN for a column in which nobody was.
    Raises BadInput for too few resamples.
    """
    if n_resamples < MIN_RESAMPLES:
        raise BadInput(f"{n_resamples} resamples; the ends of a 95 % interval need {MIN_RESAMPLES:,} or more")
    judged = ~np.isnan(scores)
    both = np.hstack((np.where(judged, scores, 0.0), judged))
    means = np.concatenate([_means(both, rng, n) for n in _blocks(len(scores), n_resamples)])
    found = np.full((scores.shape[1], 2), np.nan)
    for column in np.flatnonzero(judged.any(axis=0)):
        found[column] = np.nanquantile(means[:, column], (0.025, 0.975))
    return found


def _blocks(size: int, n: int) -> list[int]:
    rows = max(1, _BLOCK // max(size, 1))
    return [min(rows, n - done) for done in range(0, n, rows)]


def _means(both: Doubles, rng: Generator, n: int) -> Doubles:
    """Means of n samples of Q customers drawn with replacement: (n, M).  Efron & Tibshirani 1993, algorithm 6.1."""
    size, columns = len(both), both.shape[1] // 2
    drawn = rng.integers(0, size, (n, size)) + np.arange(n)[:, None] * size
    times = np.bincount(drawn.ravel(), minlength=n * size).reshape(n, size)
    total = times.astype(np.float64) @ both
    with np.errstate(invalid="ignore"):  # a sample in which nobody was judged has no mean
        means: Doubles = total[:, :columns] / total[:, columns:]
    return means

"""How far a mean over customers may be off by the luck of who was asked."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from eval.stats.bootstrap import MIN_RESAMPLES, resampled_means
from recsys.arrays import Doubles


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over customers and its 95 % bootstrap interval; NaN where nobody was judged."""

    mean: float
    low: float = float("nan")
    high: float = float("nan")


def intervals(scores: Doubles, rng: Generator, n_resamples: int = MIN_RESAMPLES) -> Doubles:
    """The 95 % bootstrap interval of each column's mean, all columns over the same resamples of customers.

    (Q, M), NaN where not judged -> (M, 2): low and high, NaN for a column in which nobody was.
    Raises BadInput for too few resamples.
    """
    judged = ~np.isnan(scores)
    means = resampled_means(np.where(judged, scores, 0.0), judged.astype(np.float64), rng, n_resamples)
    found = np.full((scores.shape[1], 2), np.nan)
    for column in np.flatnonzero(judged.any(axis=0)):
        found[column] = np.nanquantile(means[:, column], (0.025, 0.975))
    return found

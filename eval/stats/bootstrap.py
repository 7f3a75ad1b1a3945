"""Bootstrap over customers: means of resampled customers, with their intervals and p-values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Doubles, Floats, Longs
from recsys.errors import BadInput

MIN_RESAMPLES = 1_000
RESAMPLES = 2_000
ENDS = (0.025, 0.975)
_BLOCK = 4_000_000  # draws at once: some 50 MB


@dataclass(frozen=True, slots=True)
class ResampledColumn:
    """One figure of U customers: the sum of each customer's scores, and their number; both (U,).

    A customer judged in three windows has three scores, which are always drawn together: they are not independent.
    """

    total: Doubles
    judged: Doubles

    @classmethod
    def from_scores(cls, scores: Doubles) -> "ResampledColumn":
        """One score per customer, NaN where not judged."""
        is_judged = ~np.isnan(scores)
        return cls(np.where(is_judged, scores, 0.0), is_judged.astype(np.float64))

    @property
    def mean(self) -> float:
        """The mean of all scores, NaN where there is none."""
        n = self.judged.sum()
        return float(self.total.sum() / n) if n else float("nan")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over customers and its 95 % bootstrap interval; NaN where nobody was judged."""

    mean: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean, its 95 % interval, and the probability that chance alone moves it that far from 0 (two-sided).

    All are NaN where nobody was judged.
    """

    mean: float
    low: float
    high: float
    p: float
    n_customers: int

    @property
    def estimate(self) -> Estimate:
        """The mean and its interval."""
        return Estimate(self.mean, self.low, self.high)


class Draws(Protocol):
    """Bootstrap samples of U customers."""

    def means(self, total: Doubles, judged: Doubles) -> tuple[Doubles, Doubles]:
        """The mean of each column over all customers, (C,), and in each of n samples, (n, C).

        total, judged: (U, C), see ResampledColumn; a mean is NaN where nobody was judged.
        """


@dataclass(frozen=True, slots=True)
class KeptDraws:
    """n samples, drawn once and kept for many figures.  times (n, U) float32: how often each customer is drawn."""

    times: Floats

    @classmethod
    def draw(cls, n_customers: int, rng: Generator, n_resamples: int = RESAMPLES) -> "KeptDraws":
        """Draws with replacement.  Raises BadInput for too few resamples."""
        return cls(np.concatenate([times.astype(np.float32) for times in _draws(n_customers, n_resamples, rng)]))

    def means(self, total: Doubles, judged: Doubles) -> tuple[Doubles, Doubles]:
        """See Draws; in float32, and columns that are judged on the same customers are counted once."""
        place: dict[bytes, int] = {}
        which = [place.setdefault(column.tobytes(), len(place)) for column in judged.T]
        first = [which.index(at) for at in range(len(place))]
        counts = (self.times @ judged[:, first].astype(np.float32))[:, which]
        drawn = _ratios(self.times @ total.astype(np.float32), counts)
        return _ratios(total.sum(axis=0), judged.sum(axis=0)), drawn


@dataclass(frozen=True, slots=True)
class StreamedDraws:
    """n samples that are drawn again for every call, a block at a time: for more customers than memory could keep."""

    seed: int
    n_resamples: int

    def means(self, total: Doubles, judged: Doubles) -> tuple[Doubles, Doubles]:
        """See Draws; in float64.  Raises BadInput for too few resamples."""
        drawn = resampled_means(total, judged, np.random.default_rng(self.seed), self.n_resamples)
        known = (column[counts > 0] for column, counts in zip(total.T, judged.T, strict=True))
        return _ratios(np.array([column.sum() for column in known]), judged.sum(axis=0)), drawn


def spreads(columns: Sequence[ResampledColumn], draws: Draws) -> list[Spread]:
    """The spread of each column's mean over U customers."""
    if not columns:
        return []
    total = np.column_stack([column.total for column in columns])
    judged = np.column_stack([column.judged for column in columns])
    return summarize(*draws.means(total, judged), np.count_nonzero(judged, axis=0))


def summarize(means: Doubles, drawn: Doubles, n_customers: Longs | int) -> list[Spread]:
    """The spread of each of C figures, from its value, (C,), and its values in n samples, (n, C)."""
    rows = means, *_ends(drawn), two_sided(drawn), np.broadcast_to(n_customers, means.shape)
    return [Spread(*row) for row in zip(*(row.tolist() for row in rows), strict=True)]


def resampled_means(total: Doubles, judged: Doubles, rng: Generator, n_resamples: int) -> Doubles:
    """Means of n samples of U customers drawn with replacement: (U, C), (U, C) -> (n, C), NaN where nobody was judged.

    Efron & Tibshirani 1993, algorithm 6.1.  Raises BadInput for too few resamples.
    """
    both = np.hstack((total, judged))
    sums = np.concatenate([times @ both for times in _draws(len(total), n_resamples, rng)])
    return _ratios(*np.hsplit(sums, 2))


def two_sided(means: Doubles) -> Doubles:
    """Twice the smaller share of resampled means on either side of 0, both counts increased by one: in (0, 1].

    Below .05 if the 95 % interval excludes 0: the test inverts the interval.  Davison & Hinkley 1997, section 4.4.
    (n, ...) -> (...); a sample in which nobody was judged has no mean and is left out, NaN where none has one.
    """
    below, above = np.count_nonzero(means <= 0, axis=0), np.count_nonzero(means >= 0, axis=0)
    n = np.count_nonzero(~np.isnan(means), axis=0)
    return np.where(n > 0, np.minimum(1.0, 2 * (1 + np.minimum(below, above)) / (1 + n)), np.nan)


def _ends(means: Doubles) -> Doubles:
    """The ends of the 95 % interval: (n, C) -> (2, C)."""
    ends = np.full((2, means.shape[1]), np.nan)
    has_gaps = np.isnan(means).any(axis=0)
    ends[:, ~has_gaps] = np.quantile(means[:, ~has_gaps], ENDS, axis=0)
    for at in np.flatnonzero(has_gaps & ~np.isnan(means).all(axis=0)):
        ends[:, at] = np.nanquantile(means[:, at], ENDS)
    return ends


def _draws(size: int, n: int, rng: Generator) -> Iterator[Doubles]:
    """How often each of U customers stands in each sample: (rows, U), n rows in all.  Raises BadInput for too few."""
    if n < MIN_RESAMPLES:
        raise BadInput(f"{n} resamples; the ends of a 95 % interval need {MIN_RESAMPLES:,} or more")
    rows = max(1, _BLOCK // max(size, 1))
    for done in range(0, n, rows):
        m = min(rows, n - done)
        drawn = rng.integers(0, size, (m, size)) + np.arange(m)[:, None] * size
        yield np.bincount(drawn.ravel(), minlength=m * size).reshape(m, size).astype(np.float64)


def _ratios(total: AnyArray, judged: AnyArray) -> Doubles:
    with np.errstate(invalid="ignore"):
        means: Doubles = total.astype(np.float64) / judged
    return means

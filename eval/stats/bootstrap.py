"""Means over customers who were drawn again and again: where intervals and chances come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Bools, Doubles, Floats
from recsys.errors import BadInput

MIN_RESAMPLES = 1_000
RESAMPLES = 2_000
ENDS = (0.025, 0.975)
_BLOCK = 4_000_000  # draws at once: some 50 MB


@dataclass(frozen=True, slots=True)
class ResampledColumn:
    """One figure of U customers: the sum of each one's scores, and how many there are; both (U,).

    A customer judged in three windows has three scores, and is drawn with all three: they are no strangers.
    """

    total: Doubles
    judged: Doubles

    @classmethod
    def of(cls, scores: Doubles) -> "ResampledColumn":
        """One score each, NaN where not judged."""
        is_judged = ~np.isnan(scores)
        return cls(np.where(is_judged, scores, 0.0), is_judged.astype(np.float64))

    def among(self, chosen: Bools) -> "ResampledColumn":
        """The same for some of the customers."""
        return ResampledColumn(np.where(chosen, self.total, 0.0), np.where(chosen, self.judged, 0.0))


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean, its 95 % interval, and how likely so far from 0 would be by luck (two-sided); NaN where nobody counts."""

    mean: float
    low: float
    high: float
    p: float
    n_customers: int


@dataclass(frozen=True, slots=True)
class Draws:
    """n samples of U customers, drawn once for every figure: times (n, U) float32 each stands in each sample."""

    times: Floats

    @classmethod
    def of(cls, n_customers: int, rng: Generator, n_resamples: int = RESAMPLES) -> "Draws":
        """Drawn with replacement.  Raises BadInput for too few resamples."""
        _check(n_resamples)
        return cls(np.concatenate([times.astype(np.float32) for times in _draws(n_customers, n_resamples, rng)]))


def spreads(columns: Sequence[ResampledColumn], draws: Draws) -> list[Spread]:
    """The spread of each column's mean over U customers."""
    if not columns:
        return []
    total = np.column_stack([column.total for column in columns])
    judged = np.column_stack([column.judged for column in columns])
    means = _ratios(draws.times @ total.astype(np.float32), _counts(columns, draws))
    ends, chances = _ends(means), _two_sided(means)
    n, sums = np.count_nonzero(judged, axis=0), total.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = sums / judged.sum(axis=0)
    return [
        Spread(float(mean[at]), float(ends[0, at]), float(ends[1, at]), float(chances[at]), int(n[at]))
        for at in range(len(columns))
    ]


def resampled_means(total: Doubles, judged: Doubles, rng: Generator, n_resamples: int) -> Doubles:
    """Means of n samples of U customers drawn with replacement.  (U, C), (U, C) -> (n, C), NaN where nobody counts.

    Raises BadInput for too few resamples.
    """
    _check(n_resamples)
    both = np.hstack((total, judged))
    return np.concatenate([_means(both, times) for times in _draws(len(total), n_resamples, rng)])


def two_sided(means: Doubles) -> float:
    """Twice the smaller share of resampled means on either side of 0, both ends counted once more: in (0, 1].

    Below .05 where the 95 % interval leaves 0 out: the interval turned round.  Davison & Hinkley 1997, section 4.4.
    """
    return float(_two_sided(means[:, None])[0])


def _two_sided(means: Doubles) -> Doubles:
    """(n, C) -> (C,).  A sample in which nobody counts has no mean and is left out; NaN where none has one."""
    below, above = np.count_nonzero(means <= 0, axis=0), np.count_nonzero(means >= 0, axis=0)
    n = np.count_nonzero(~np.isnan(means), axis=0)
    return np.where(n > 0, np.minimum(1.0, 2 * (1 + np.minimum(below, above)) / (1 + n)), np.nan)


def _ends(means: Doubles) -> Doubles:
    """The ends of the 95 % interval: (n, C) -> (2, C)."""
    found = np.full((2, means.shape[1]), np.nan)
    has_gaps = np.isnan(means).any(axis=0)
    found[:, ~has_gaps] = np.quantile(means[:, ~has_gaps], ENDS, axis=0)
    for at in np.flatnonzero(has_gaps & ~np.isnan(means).all(axis=0)):
        found[:, at] = np.nanquantile(means[:, at], ENDS)
    return found


def _draws(size: int, n: int, rng: Generator) -> Iterator[Doubles]:
    """How often each of U customers stands in each sample: (rows, U), n rows in all."""
    rows = max(1, _BLOCK // max(size, 1))
    for done in range(0, n, rows):
        m = min(rows, n - done)
        drawn = rng.integers(0, size, (m, size)) + np.arange(m)[:, None] * size
        yield np.bincount(drawn.ravel(), minlength=m * size).reshape(m, size).astype(np.float64)


def _means(both: Doubles, times: Doubles) -> Doubles:
    """(U, 2C) -> (n, C).  Efron & Tibshirani 1993, algorithm 6.1."""
    columns = both.shape[1] // 2
    found = times @ both
    return _ratios(found[:, :columns], found[:, columns:])


def _counts(columns: Sequence[ResampledColumn], draws: Draws) -> AnyArray:
    """How many scores of each column stand in each sample: (n, C).  Most columns are judged on the same customers."""
    places: dict[bytes, int] = {}
    which = [places.setdefault(column.judged.tobytes(), len(places)) for column in columns]
    first = [which.index(place) for place in range(len(places))]
    judged = np.column_stack([columns[at].judged for at in first]).astype(np.float32)
    counted: AnyArray = (draws.times @ judged)[:, which]
    return counted


def _ratios(total: AnyArray, judged: AnyArray) -> Doubles:
    with np.errstate(invalid="ignore"):
        means: Doubles = total.astype(np.float64) / judged
    return means


def _check(n_resamples: int) -> None:
    if n_resamples < MIN_RESAMPLES:
        raise BadInput(f"{n_resamples} resamples; the ends of a 95 % interval need {MIN_RESAMPLES:,} or more")

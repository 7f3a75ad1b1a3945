"""A rating as customers with the same taste gave it: user neighbours over the baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Bools, Doubles, Floats, Ints, Longs, ranges
from recsys.data.dataset.ratings import RatedItems, Ratings
from recsys.models.hyperparameters import Count, PositiveAmount
from recsys.models.ratings.base import RatingBaseline, RatingBaselineModel, baseline_and_own, with_baseline
from recsys.models.ratings.item_neighbours import residuals, shrinkage_of
from recsys.models.ratings.voting import voted


@dataclass(frozen=True, slots=True)
class UserRatingsModel:
    """Works from the asking customer's ratings alone: it never needs to know who asks.

    offsets (I + 1,), rater, residual (P,): who rated each item, of `n_raters`, and how far off the baseline.
    k, shrinkage, power, doubt: see UserRatings.
    """

    name: ClassVar[str] = "user_knn"
    baseline: RatingBaselineModel
    offsets: Longs
    rater: Ints
    residual: Floats
    n_raters: int
    k: int
    shrinkage: float
    power: float
    doubt: float

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        known, base = self.baseline.known(rated), self.baseline.estimate(rated, items)
        if not len(known.item):
            return base
        inside = np.flatnonzero(items < self.baseline.n_items)
        at, length = self._raters(items[inside])
        question = np.repeat(inside, length)
        weight = self._likeness(known)[self.rater[at]] ** self.power
        votes = np.flatnonzero(weight > 0)
        order = votes[np.lexsort((self.rater[at[votes]], -weight[votes], question[votes]))]
        says = self.residual[at[order]]
        found: Floats = base + voted(question[order], weight[order], says, k=self.k, doubt=self.doubt, n=len(items))
        return found

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        return self.baseline.clipped(self.estimate(rated, items))

    def _raters(self, items: Ints) -> tuple[Longs, Longs]:
        """Where the ratings of these items stand, and how many each has."""
        start = self.offsets[items]
        length = self.offsets[items + 1] - start
        return ranges(start, length), length

    def _likeness(self, rated: RatedItems) -> Doubles:
        """Pearson-baseline of every rater with one who rated so, shrunk, 0 where below.  (raters,).  Koren 2010."""
        at, length = self._raters(rated.item)
        mine = np.repeat(self.baseline.residuals(rated).astype(np.float64), length)
        rater, theirs = self.rater[at].astype(np.int64), self.residual[at].astype(np.float64)
        both = np.bincount(rater, mine * theirs, self.n_raters)
        squares = np.bincount(rater, mine**2, self.n_raters) * np.bincount(rater, theirs**2, self.n_raters)
        n = np.bincount(rater, minlength=self.n_raters) - 1.0
        found = (both > 0) & (n > 0) & (squares > 0)
        rho = np.divide(both, np.sqrt(squares), out=np.zeros(self.n_raters), where=found)
        shrunk: Doubles = np.divide(rho * n, n + self.shrinkage, out=np.zeros(self.n_raters), where=found)
        return shrunk

    def arrays(self) -> Mapping[str, AnyArray]:
        return with_baseline(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        baseline, own = baseline_and_own(arrays)
        return cls(baseline, **own)


@dataclass(frozen=True, slots=True)
class UserRatings:
    """k: how many customers vote.  shrinkage, power, doubt: as with ItemRatings.

    raters_per_item: of each item only that many of those who rated most are asked; it bounds what an answer costs.
    """

    k: Count = 40
    shrinkage: PositiveAmount | None = None
    power: PositiveAmount = 1.5
    doubt: PositiveAmount = 0.1
    raters_per_item: Count = 2_000

    def fit(self, ratings: Ratings, rng: Generator) -> UserRatingsModel:
        """Raises NotEnoughData when nobody rated anything."""
        return self.over(RatingBaseline().fit(ratings, rng), ratings, rng)

    def over(self, baseline: RatingBaselineModel, ratings: Ratings, rng: Generator) -> UserRatingsModel:
        """The same over a baseline already learnt from these ratings."""
        residual = residuals(baseline, ratings)
        kept = _asked(ratings, self.raters_per_item)
        asked = ratings.only(kept)
        table = asked.matrix(residual[kept])
        by_item = table.T.tocsr()
        shrinkage = self.shrinkage
        return UserRatingsModel(
            baseline=baseline,
            offsets=by_item.indptr.astype(np.int64),
            rater=by_item.indices.astype(np.int32),
            residual=by_item.data,
            n_raters=len(ratings),
            k=self.k,
            shrinkage=shrinkage_of(by_item, rng) if shrinkage is None else shrinkage,
            power=self.power,
            doubt=self.doubt,
        )


def _asked(ratings: Ratings, most: int) -> Bools:
    """Of each item the ratings by at most so many customers, those who rated most: (P,)."""
    counts = np.bincount(ratings.item, minlength=ratings.n_items)
    kept = np.ones(len(ratings.item), np.bool_)
    if not len(counts) or counts.max() <= most:
        return kept
    diligence = np.diff(ratings.offsets)[ratings.user]
    order = np.lexsort((ratings.user, -diligence, ratings.item))
    kept[:] = False
    kept[order[ranges(np.cumsum(counts) - counts, np.minimum(counts, most))]] = True
    return kept

"""User-kNN for ratings: the residuals of similar users on the same item, over the baseline."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, ranges
from recsys.bundle.array_spec import Arrays, ArraySpec, offsets, positions
from recsys.data.dataset.ratings import RatedItems, Ratings
from recsys.models.hyperparameters import Count, PositiveAmount
from recsys.models.neighbour_table import first_of_each_row
from recsys.models.ratings.base import RatingBaselineModel, ResidualLearner, ResidualModel
from recsys.models.ratings.item_neighbours import estimate_shrinkage, residuals, weighted_vote
from recsys.models.serialization import StoredAmount, StoredCount


def _raters_fault(arrays: Arrays) -> str | None:
    return None if arrays["rater"].max(initial=-1) < arrays["n_raters"] else "a rater beyond it"


@dataclass(frozen=True, slots=True)
class UserRatingsModel(ResidualModel):
    """Estimates from the ratings of a user alone; it does not need to know the user.

    offsets (I + 1,), rater, residual (P,): who rated each item, of `n_raters`, and the residual over the baseline.
    k, shrinkage, power, doubt: see UserRatings.
    """

    name: ClassVar[str] = "user_knn"
    offsets: Annotated[Longs, offsets("I", "P")]
    rater: Annotated[Ints, positions("P", "U")]
    residual: Annotated[Floats, ArraySpec("P")]
    n_raters: Annotated[int, ArraySpec(low=0, high="U+1", rule=_raters_fault)]
    k: StoredCount
    shrinkage: StoredAmount
    power: Annotated[float, ArraySpec(low=0, high=100)]
    doubt: StoredAmount

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        known, base = self.baseline.known(rated), self.baseline.estimate(rated, items)
        if not len(known.item):
            return base
        inside = np.flatnonzero(items < self.baseline.n_items)
        at, length = self._raters(items[inside])
        target = np.repeat(inside, length)
        weight = self._similarity(known)[self.rater[at]] ** self.power
        votes = np.flatnonzero(weight > 0)
        order = votes[np.lexsort((self.rater[at[votes]], -weight[votes], target[votes]))]
        vote = self.residual[at[order]]
        return base + weighted_vote(target[order], weight[order], vote, k=self.k, doubt=self.doubt, n=len(items))

    def _raters(self, items: Ints) -> tuple[Longs, Longs]:
        """Positions of the ratings of these items, and how many each has."""
        start = self.offsets[items]
        length = self.offsets[items + 1] - start
        return ranges(start, length), length

    def _similarity(self, rated: RatedItems) -> Doubles:
        """Shrunk Pearson-baseline similarity of every rater to these ratings, at least 0.  (raters,).  Koren 2010."""
        at, length = self._raters(rated.item)
        own = np.repeat(self.baseline.residuals(rated).astype(np.float64), length)
        rater, other = self.rater[at].astype(np.int64), self.residual[at].astype(np.float64)
        product = np.bincount(rater, own * other, self.n_raters)
        squares = np.bincount(rater, own**2, self.n_raters) * np.bincount(rater, other**2, self.n_raters)
        n = np.bincount(rater, minlength=self.n_raters) - 1.0
        kept = (product > 0) & (n > 0) & (squares > 0)
        rho = np.divide(product, np.sqrt(squares), out=np.zeros(self.n_raters), where=kept)
        shrunk: Doubles = np.divide(rho * n, n + self.shrinkage, out=np.zeros(self.n_raters), where=kept)
        return shrunk


@dataclass(frozen=True, slots=True)
class UserRatings(ResidualLearner[UserRatingsModel]):
    """k: how many users vote.  shrinkage, power, doubt: as in ItemRatings.

    raters_per_item: only so many users of each item, those with the most ratings, may vote; it bounds the time of a
    request.
    """

    k: Count = 40
    shrinkage: PositiveAmount | None = None
    power: PositiveAmount = 1.5
    doubt: PositiveAmount = 0.1
    raters_per_item: Count = 2_000

    def fit_residuals(self, baseline: RatingBaselineModel, ratings: Ratings, rng: Generator) -> UserRatingsModel:
        residual = residuals(baseline, ratings)
        kept = _most_active(ratings, self.raters_per_item)
        table = ratings.only(kept).matrix(residual[kept])
        by_item = table.T.tocsr()
        return UserRatingsModel(
            baseline=baseline,
            offsets=by_item.indptr.astype(np.int64),
            rater=by_item.indices.astype(np.int32),
            residual=by_item.data,
            n_raters=len(ratings),
            k=self.k,
            shrinkage=estimate_shrinkage(by_item, rng) if self.shrinkage is None else self.shrinkage,
            power=self.power,
            doubt=self.doubt,
        )


def _most_active(ratings: Ratings, most: int) -> Bools:
    """Of each item the ratings by at most so many users, those with the most ratings: (P,)."""
    keys = (ratings.user, -np.diff(ratings.offsets)[ratings.user])
    kept = np.zeros(len(ratings.item), np.bool_)
    kept[first_of_each_row(ratings.item, keys, n_rows=ratings.n_items, most=most)[0]] = True
    return kept

"""A rating as tastes and traits nobody named: matrix factors with biases, each as sure as its ratings make it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Doubles, Floats, Ints
from recsys.data.dataset.ratings import RatedItems, Ratings
from recsys.models.hyperparameters import Count, Width
from recsys.models.ratings.base import RatingBaseline, RatingBaselineModel, baseline_and_own, with_baseline
from recsys.models.ratings.item_neighbours import residuals

if TYPE_CHECKING:
    from scipy import sparse

_ROWS = 4_096  # solved at once: some 100 MB
_START = 0.1
_SHARE = 0.25  # of the variance of ratings that the factors, and each bias, are first thought to explain
_LEAST = 1e-8


@dataclass(frozen=True, slots=True)
class FactorRatingsModel:
    """Ratings in units of their spread around the baseline's mean.  F factors, and a bias of both sides.

    item_vectors (I, F + 2): [1, item's bias, factors].  moments (I, M): E[v v'] of the same, upper triangle.
    prior (F + 2,): variance of a customer's [bias, 1, factors] before anything is known; noise: of one rating.
    """

    name: ClassVar[str] = "factors"
    baseline: RatingBaselineModel
    item_vectors: Floats
    moments: Floats
    prior: Doubles
    noise: float

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        known, base = self.baseline.known(rated), self.baseline
        vector = self._customer(known)
        inside = items < base.n_items
        vectors = self.item_vectors[np.where(inside, items, 0)].astype(np.float64)
        told = np.where(inside, vectors @ vector, vector[0])
        return (base.mean + base.spread * told).astype(np.float32)

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        return self.baseline.clipped(self.estimate(rated, items))

    def _customer(self, rated: RatedItems) -> Doubles:
        """The fold-in: the mean of a customer's [bias, 1, factors] given their ratings.  (F + 2,)."""
        width = self.item_vectors.shape[1]
        gram = _unpacked(self.moments[rated.item].sum(axis=0, dtype=np.float64)[None], width)
        above = (rated.value.astype(np.float64) - self.baseline.mean) / max(self.baseline.spread, _LEAST)
        pull = above @ self.item_vectors[rated.item]
        mean, _ = _solved(gram, pull[None], _USER, self.prior, self.noise)
        customer: Doubles = mean[0]
        return customer

    def arrays(self) -> Mapping[str, AnyArray]:
        return with_baseline(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        baseline, own = baseline_and_own(arrays)
        return cls(baseline, **own)


@dataclass(frozen=True, slots=True)
class _FactorSide:
    """Which places of a vector are learnt; the one at `given` is 1: it carries the other side's bias."""

    bias: int
    given: int


_USER, _ITEM = _FactorSide(0, 1), _FactorSide(1, 0)


@dataclass(frozen=True, slots=True)
class FactorRatings:
    """Variational Bayes: least squares that alternate, with uncertainty; each factor's regularisation is found.

    Lim & Teh 2007, section 3.  factors: most that may be told apart, superfluous ones shrink away by themselves.
    iterations: few, for they start from the singular vectors of what the baseline leaves; many of them overfit.
    """

    factors: Width = 16
    iterations: Count = 5

    def fit(self, ratings: Ratings, rng: Generator) -> FactorRatingsModel:
        """Raises NotEnoughData when nobody rated anything."""
        return self.over(RatingBaseline().fit(ratings, rng), ratings, rng)

    def over(self, baseline: RatingBaselineModel, ratings: Ratings, rng: Generator) -> FactorRatingsModel:
        """The same over a baseline already learnt from these ratings."""
        spread = max(baseline.spread, _LEAST)
        table = ratings.matrix(((ratings.value - np.float32(baseline.mean)) / np.float32(spread)).astype(np.float32))
        user_start, item_start = _starts(ratings.matrix(residuals(baseline, ratings)), self.factors, rng)
        item_start[:, 0], item_start[:, 1] = 1, baseline.item_bias / spread
        user_start[:, 0], user_start[:, 1] = 0, 1
        items = _Learnt.of(table.T.tocsr(), _ITEM, item_start)
        users = _Learnt.of(table, _USER, user_start)
        noise = 1.0
        for _ in range(self.iterations):
            items.learn(users, noise)
            noise = users.learn(items, noise)
        return FactorRatingsModel(
            baseline=baseline,
            item_vectors=items.vectors.astype(np.float32),
            moments=items.moments,
            prior=users.prior_used,
            noise=users.noise_used,
        )


def _starts(residual: "sparse.csr_array", factors: int, rng: Generator) -> tuple[Doubles, Doubles]:
    """Small vectors to start from: singular ones as far as there are any, chance beyond.  (U, F + 2), (I, F + 2)."""
    from scipy.sparse.linalg import svds

    starts = [rng.normal(0, _START, (n, factors + 2)) for n in residual.shape]
    count = min(factors, min(residual.shape) - 1)
    if count < 1 or not np.any(residual.data):
        return starts[0], starts[1]
    left, strength, right = svds(residual.astype(np.float64), k=count, v0=rng.random(min(residual.shape)))
    for start, vectors in zip(starts, (left, right.T), strict=True):
        found = vectors * np.sqrt(strength)
        start[:, 2 : 2 + count] = found * (_START / max(float(found.std()), _LEAST))
    return starts[0], starts[1]


class _Learnt:
    """One side while it is being learnt.  vectors (N, F + 2), moments (N, M) float32."""

    def __init__(self, table: "sparse.csr_array", side: _FactorSide, vectors: Doubles, prior: Doubles) -> None:
        from scipy import sparse

        self._table = table
        self._once = sparse.csr_array((np.ones_like(table.data), table.indices, table.indptr), shape=table.shape)
        self._side = side
        self._seen = np.diff(table.indptr) > 0
        self._squares = float((table.data.astype(np.float64) ** 2).sum())
        self.vectors = vectors
        self.moments = _packed(vectors[:, :, None] * vectors[:, None, :])
        self.prior = self.prior_used = prior
        self.noise_used = 1.0

    @classmethod
    def of(cls, table: "sparse.csr_array", side: _FactorSide, vectors: Doubles) -> Self:
        n_factors = vectors.shape[1] - 2
        prior = np.full(n_factors + 2, np.sqrt(_SHARE / n_factors))
        prior[side.bias] = _SHARE
        return cls(table, side, vectors, prior)

    def learn(self, other: "_Learnt", noise: float) -> float:
        """This side given the other one; returns the noise that is left per rating."""
        self.prior_used, self.noise_used = self.prior, noise
        width, left, total = self.vectors.shape[1], self._squares, np.zeros(self.vectors.shape[1])
        theirs = other.vectors.astype(np.float32)
        for start in range(0, len(self.vectors), _ROWS):
            part = slice(start, start + _ROWS)
            gram = _unpacked((self._once[part] @ other.moments).astype(np.float64), width)
            pull = (self._table[part] @ theirs).astype(np.float64)
            mean, doubt = _solved(gram, pull, self._side, self.prior_used, noise)
            moment = mean[:, :, None] * mean[:, None, :] + doubt
            self.vectors[part], self.moments[part] = mean, _packed(moment)
            left += float((moment * gram).sum() - 2 * (mean * pull).sum())
            total += np.einsum("nkk->nk", moment)[self._seen[part]].sum(axis=0)
        self.prior = np.maximum(total / max(int(self._seen.sum()), 1), _LEAST)
        return max(left / max(len(self._table.data), 1), _LEAST)


def _solved(gram: Doubles, pull: Doubles, side: _FactorSide, prior: Doubles, noise: float) -> tuple[Doubles, Doubles]:
    """Mean (N, F + 2) and covariance (N, F + 2, F + 2) of vectors, the given place 1 and certain.  Lim & Teh, eq. 12.

    gram: sums of the other side's E[v v'] over the ratings; pull: of rating times v.
    """
    width = gram.shape[1]
    free = np.array([place for place in range(width) if place != side.given])
    precision = gram[:, free[:, None], free] / noise
    precision[:, range(len(free)), range(len(free))] += 1 / prior[free]
    covariance = np.linalg.inv(precision)
    wanted = (pull[:, free] - gram[:, free, side.given]) / noise
    mean, doubt = np.zeros_like(pull), np.zeros_like(gram)
    mean[:, free] = np.einsum("nij,nj->ni", covariance, wanted)
    mean[:, side.given] = 1
    doubt[:, free[:, None], free] = covariance
    return mean, doubt


def _packed(full: Doubles) -> Floats:
    """The upper triangle of symmetric tables: (N, W, W) -> (N, W (W + 1) / 2) float32."""
    rows, columns = np.triu_indices(full.shape[1])
    return full[:, rows, columns].astype(np.float32)


def _unpacked(packed: Doubles, width: int) -> Doubles:
    """The symmetric tables again: (N, W, W)."""
    rows, columns = np.triu_indices(width)
    full = np.empty((len(packed), width, width))
    full[:, rows, columns] = packed
    full[:, columns, rows] = packed
    return full

"""Matrix factorisation of ratings with biases: variational Bayes, so that each factor has its uncertainty."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Floats, Ints
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.ratings import RatedItems, Ratings
from recsys.models.hyperparameters import Count, VectorSize
from recsys.models.ratings.base import RatingBaselineModel, ResidualLearner, ResidualModel
from recsys.models.ratings.item_neighbours import residuals

if TYPE_CHECKING:
    from scipy import sparse

_ROWS = 4_096  # solved at once: about 100 MB
_START = 0.1
_SHARE = 0.25  # of the variance of ratings: prior of what the factors, and each bias, explain
_LEAST = 1e-8
_USER_BIAS, _ITEM_BIAS = 0, 1  # places in a vector; that of the other side's bias is 1


@dataclass(frozen=True, slots=True)
class FactorRatingsModel(ResidualModel):
    """Ratings in units of their spread around the baseline's mean.  F factors, and a bias of both sides.

    item_vectors (I, F + 2): [1, item's bias, factors].  moments (I, M): E[v v'] of the same, upper triangle.
    prior (F + 2,): prior variance of a user's [bias, 1, factors]; noise: variance of one rating.
    """

    name: ClassVar[str] = "factors"
    item_vectors: Annotated[Floats, ArraySpec("I F")]
    moments: Annotated[Floats, ArraySpec("I tri(F)")]
    prior: Annotated[Doubles, ArraySpec("F", low=0)]
    noise: Annotated[float, ArraySpec(low=1e-30)]

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        known, base = self.baseline.known(rated), self.baseline
        vector = self._user_vector(known)
        inside = items < base.n_items
        vectors = self.item_vectors[np.where(inside, items, 0)].astype(np.float64)
        score = np.where(inside, vectors @ vector, vector[0])
        return (base.mean + base.spread * score).astype(np.float32)

    def _user_vector(self, rated: RatedItems) -> Doubles:
        """The fold-in: the mean of a user's [bias, 1, factors] given their ratings.  (F + 2,)."""
        width = self.item_vectors.shape[1]
        gram = _unpacked(self.moments[rated.item].sum(axis=0, dtype=np.float64)[None], width)
        above = (rated.value.astype(np.float64) - self.baseline.mean) / max(self.baseline.spread, _LEAST)
        pull = above @ self.item_vectors[rated.item]
        mean, _ = _solve(gram, pull[None], _ITEM_BIAS, self.prior, self.noise)
        vector: Doubles = mean[0]
        return vector


@dataclass(frozen=True, slots=True)
class FactorRatings(ResidualLearner[FactorRatingsModel]):
    """Variational Bayes: alternating least squares with uncertainty; the regularisation of each factor is estimated.

    Lim & Teh 2007, section 3.  factors: an upper limit, superfluous ones shrink to 0.
    iterations: few, because they start from the singular vectors of the residuals; many iterations overfit.
    """

    factors: VectorSize = 16
    iterations: Count = 5

    def fit_residuals(self, baseline: RatingBaselineModel, ratings: Ratings, rng: Generator) -> FactorRatingsModel:
        spread = max(baseline.spread, _LEAST)
        table = ratings.matrix(((ratings.value - np.float32(baseline.mean)) / np.float32(spread)).astype(np.float32))
        user_start, item_start = _starts(ratings.matrix(residuals(baseline, ratings)), self.factors, rng)
        item_start[:, _USER_BIAS], item_start[:, _ITEM_BIAS] = 1, baseline.item_bias / spread
        user_start[:, _USER_BIAS], user_start[:, _ITEM_BIAS] = 0, 1
        items = _FactorPosterior(table.T.tocsr(), item_start, bias=_ITEM_BIAS)
        users = _FactorPosterior(table, user_start, bias=_USER_BIAS)
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
    """Small initial vectors: singular vectors as far as there are any, else random.  (U, F + 2), (I, F + 2)."""
    from scipy.sparse.linalg import svds

    starts = [rng.normal(0, _START, (n, factors + 2)) for n in residual.shape]
    count = min(factors, min(residual.shape) - 1)
    if count < 1 or not np.any(residual.data):
        return starts[0], starts[1]
    left, strength, right = svds(residual.astype(np.float64), k=count, v0=rng.random(min(residual.shape)))
    for start, vectors in zip(starts, (left, right.T), strict=True):
        scaled = vectors * np.sqrt(strength)
        start[:, 2 : 2 + count] = scaled * (_START / max(float(scaled.std()), _LEAST))
    return starts[0], starts[1]


class _FactorPosterior:
    """The vectors of one side during fitting.  vectors (N, F + 2), moments (N, M) float32."""

    def __init__(self, table: "sparse.csr_array", vectors: Doubles, *, bias: int) -> None:
        from scipy import sparse

        self._table = table
        self._is_rated = sparse.csr_array((np.ones_like(table.data), table.indices, table.indptr), shape=table.shape)
        self._given = _USER_BIAS + _ITEM_BIAS - bias
        self._seen = np.diff(table.indptr) > 0
        self._squares = float((table.data.astype(np.float64) ** 2).sum())
        self.vectors = vectors
        self.moments = _packed(vectors[:, :, None] * vectors[:, None, :])
        n_factors = vectors.shape[1] - 2
        self.prior = np.full(n_factors + 2, np.sqrt(_SHARE / n_factors))
        self.prior[bias] = _SHARE
        self.prior_used = self.prior
        self.noise_used = 1.0

    def learn(self, other: "_FactorPosterior", noise: float) -> float:
        """Fits this side to the other one; returns the noise per rating."""
        self.prior_used, self.noise_used = self.prior, noise
        width, error, total = self.vectors.shape[1], self._squares, np.zeros(self.vectors.shape[1])
        other_vectors = other.vectors.astype(np.float32)
        for start in range(0, len(self.vectors), _ROWS):
            part = slice(start, start + _ROWS)
            gram = _unpacked((self._is_rated[part] @ other.moments).astype(np.float64), width)
            pull = (self._table[part] @ other_vectors).astype(np.float64)
            mean, covariance = _solve(gram, pull, self._given, self.prior_used, noise)
            moment = mean[:, :, None] * mean[:, None, :] + covariance
            self.vectors[part], self.moments[part] = mean, _packed(moment)
            error += float((moment * gram).sum() - 2 * (mean * pull).sum())
            total += np.einsum("nkk->nk", moment)[self._seen[part]].sum(axis=0)
        self.prior = np.maximum(total / max(int(self._seen.sum()), 1), _LEAST)
        return max(error / max(len(self._table.data), 1), _LEAST)


def _solve(gram: Doubles, pull: Doubles, given: int, prior: Doubles, noise: float) -> tuple[Doubles, Doubles]:
    """Mean (N, F + 2) and covariance (N, F + 2, F + 2) of vectors; the given place is fixed to 1.  Lim & Teh, eq. 12.

    gram: sums of the other side's E[v v'] over the ratings; pull: of rating times v.
    """
    width = gram.shape[1]
    free = np.array([place for place in range(width) if place != given])
    precision = gram[:, free[:, None], free] / noise
    precision[:, range(len(free)), range(len(free))] += 1 / prior[free]
    inverse = np.linalg.inv(precision)
    right = (pull[:, free] - gram[:, free, given]) / noise
    mean, covariance = np.zeros_like(pull), np.zeros_like(gram)
    mean[:, free] = np.einsum("nij,nj->ni", inverse, right)
    mean[:, given] = 1
    covariance[:, free[:, None], free] = inverse
    return mean, covariance


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

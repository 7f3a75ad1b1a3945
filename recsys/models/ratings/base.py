"""Rating prediction: the protocols of all rating models, and the baseline of user and item biases."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Floats, Ints
from recsys.bundle.array_spec import Arrays, ArraySpec
from recsys.data.dataset.ratings import RatedItems, Ratings, require_ratings
from recsys.models.base import StoredModel
from recsys.models.hyperparameters import Count
from recsys.models.serialization import StoredAmount, StoredFields

_LEAST = 1e-6  # a variance of 0 would divide


class RatingModel(StoredModel, Protocol):
    """A model that predicts ratings."""

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        """The expected rating of each item by a user with these ratings; it may leave the scale: (K,) float32.

        A user without ratings gets the average opinion; an item without ratings gets the user's own level.
        """

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        """The estimate, clipped to the scale of the training ratings: (K,) float32."""


M = TypeVar("M", bound=RatingModel, covariant=True)


class RatingLearner(Protocol):
    """A frozen dataclass of hyper-parameters."""

    def fit(self, ratings: Ratings, rng: Generator) -> RatingModel:
        """Learns from all ratings.  Raises NotEnoughData without any."""


def _scale_fault(arrays: Arrays) -> str | None:
    return None if arrays["low"] <= arrays["high"] else "above the high end of the scale"


@dataclass(frozen=True, slots=True)
class RatingBaselineModel(StoredFields):
    """mean + user bias + item bias.  Koren 2010, eq. 1.

    item_bias (I,); user_shrinkage: with so many ratings a user's own bias counts for half.
    low, high: ends of the scale; spread: standard deviation of all ratings.
    """

    name: ClassVar[str] = "baseline"
    item_bias: Annotated[Floats, ArraySpec("I")]
    mean: float
    user_shrinkage: StoredAmount
    low: Annotated[float, ArraySpec(rule=_scale_fault)]
    high: float
    spread: StoredAmount

    @property
    def n_items(self) -> int:
        return len(self.item_bias)

    def known(self, rated: RatedItems) -> RatedItems:
        """The ratings of items that the model was fitted to."""
        if not len(rated.item) or rated.item[-1] < self.n_items:
            return rated
        end = int(np.searchsorted(rated.item, self.n_items))
        return RatedItems(rated.item[:end], rated.value[:end])

    def user_bias(self, rated: RatedItems) -> float:
        """How far above others the user rates, shrunk towards 0 where ratings are few."""
        n = len(rated.item)  # without ratings 0, also where the shrinkage is 0
        return float(self._above(rated).sum() / (n + self.user_shrinkage)) if n else 0.0

    def residuals(self, rated: RatedItems) -> Floats:
        """The residual of each rating over the baseline: (N,)."""
        return (self._above(rated) - self.user_bias(rated)).astype(np.float32)

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        level = self.mean + self.user_bias(self.known(rated))
        inside = items < self.n_items
        bias = np.where(inside, self.item_bias[np.where(inside, items, 0)], np.float32(0))
        return (level + bias).astype(np.float32)

    def clipped(self, estimates: Floats) -> Floats:
        """Clipped to the scale: (K,)."""
        return np.clip(estimates, self.low, self.high).astype(np.float32)

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        return self.clipped(self.estimate(rated, items))

    def _above(self, rated: RatedItems) -> Doubles:
        return rated.value.astype(np.float64) - self.mean - self.item_bias[rated.item]


@dataclass(frozen=True, slots=True)
class ResidualModel(StoredFields, ABC):
    """Base of models of the residuals over a baseline."""

    NESTED: ClassVar = {"baseline": ("baseline/", RatingBaselineModel)}
    baseline: RatingBaselineModel

    @abstractmethod
    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        """The expected rating of each item, as in RatingModel."""

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        return self.baseline.clipped(self.estimate(rated, items))


@dataclass(frozen=True, slots=True)
class RatingBaseline:
    """iterations: alternations between items and users.  The ratings themselves determine the shrinkage of both."""

    iterations: Count = 10

    def fit(self, ratings: Ratings, rng: Generator) -> RatingBaselineModel:
        """Crossed random effects by variational EM: shrinkage is noise over variance (Searle et al. 1992, ch. 8)."""
        require_ratings(ratings)
        value, spread = ratings.value.astype(np.float64), float(ratings.value.std())
        items = _Effect(ratings.item, ratings.n_items, max(spread**2, _LEAST))
        users = _Effect(ratings.user, len(ratings), max(spread**2, _LEAST))
        mean, noise = float(value.mean()), max(spread**2, _LEAST)
        for iteration in range(self.iterations):
            mean += items.learn(value - mean - users.each, noise, is_centred=True)
            # The last update of users must give what a history alone gives at any later time: it is not centred.
            is_last = iteration == self.iterations - 1
            mean += users.learn(value - mean - items.each, noise, is_centred=not is_last)
            residual = value - mean - items.each - users.each
            error = residual @ residual + items.uncertainty + users.uncertainty
            noise = max(float(error / len(residual)), _LEAST)
        return RatingBaselineModel(
            item_bias=items.bias.astype(np.float32),
            mean=mean,
            user_shrinkage=users.shrinkage,
            low=float(value.min()),
            high=float(value.max()),
            spread=spread,
        )


class ResidualLearner(Protocol[M]):
    """Base of learners that start from a baseline."""

    def fit(self, ratings: Ratings, rng: Generator) -> M:
        """Raises NotEnoughData without ratings."""
        return self.fit_residuals(RatingBaseline().fit(ratings, rng), ratings, rng)

    def fit_residuals(self, baseline: RatingBaselineModel, ratings: Ratings, rng: Generator) -> M:
        """Learns from the ratings that the baseline was fitted to."""


class _Effect:
    """Biases of one side during fitting: n members, and the member of each rating (P,)."""

    def __init__(self, member: Ints, n: int, variance: float) -> None:
        self.member = member
        self.count = np.bincount(member, minlength=n)
        self.variance = variance
        self.shrinkage = 1.0
        self.bias: Doubles = np.zeros(n)
        self.each: Doubles = np.zeros(len(member))
        self.uncertainty = 0.0  # variance of the biases, summed over all ratings

    def learn(self, residual: Doubles, noise: float, *, is_centred: bool) -> float:
        """Fits the biases to the residuals (P,) of the rest; returns the rise of the mean when they are centred."""
        seen = self.count > 0
        self.shrinkage = noise / self.variance
        total = np.bincount(self.member, residual, len(self.count))
        self.bias = np.asarray(total / (self.count + self.shrinkage), np.float64)
        variance = noise / (self.count + self.shrinkage)
        shift = float(self.bias[seen].mean()) if is_centred else 0.0
        self.bias[seen] -= shift
        self.variance = max(float(np.mean(self.bias[seen] ** 2 + variance[seen])), _LEAST)
        self.each, self.uncertainty = self.bias[self.member], float(self.count @ variance)
        return shift

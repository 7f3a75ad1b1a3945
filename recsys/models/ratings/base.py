"""The promises of every algorithm that predicts a rating, and what all of them start from: the baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Doubles, Floats, Ints
from recsys.data.dataset.ratings import RatedItems, Ratings, require_ratings
from recsys.models.hyperparameters import Count
from recsys.models.serialization import restored, state

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_LEAST = 1e-6  # a variance of 0 would divide


class RatingModel(Protocol):
    """What was learnt: frozen arrays.  Every method is pure and safe in any number of threads."""

    name: ClassVar[str]

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        """What a customer who rated so would say of each item, off the scale where the sum is: (K,) float32.

        Nothing rated gives what everybody says; an item beyond those learnt from gets the customer's own level.
        """

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        """The estimate, kept within the scale found while learning: (K,) float32."""

    def arrays(self) -> Mapping[str, AnyArray]:
        """The whole state, scalars as 0-d arrays: what is saved and mapped."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        """The model with that state; arrays may be read-only and mapped from a file."""


class RatingLearner(Protocol):
    """A frozen dataclass of hyper-parameters."""

    def fit(self, ratings: Ratings, rng: Generator) -> RatingModel:
        """Learns from all ratings.  Raises NotEnoughData when there is none."""


class ResidualLearner(Protocol):
    """A learner that starts from a baseline."""

    def over(self, baseline: "RatingBaselineModel", ratings: Ratings, rng: Generator) -> RatingModel:
        """Learns from the ratings that the baseline was learnt from."""


@dataclass(frozen=True, slots=True)
class RatingBaselineModel:
    """mean + how the customer rates + how the item is rated.  Koren 2010, eq. 1.

    item_bias (I,); user_shrinkage: how many ratings a customer's own level needs to count for half.
    low, high: ends of the scale; spread: standard deviation of all ratings.
    """

    name: ClassVar[str] = "baseline"
    item_bias: Floats
    mean: float
    user_shrinkage: float
    low: float
    high: float
    spread: float

    @property
    def n_items(self) -> int:
        return len(self.item_bias)

    def known(self, rated: RatedItems) -> RatedItems:
        """What was rated of the items learnt from."""
        if not len(rated.item) or rated.item[-1] < self.n_items:
            return rated
        end = int(np.searchsorted(rated.item, self.n_items))
        return RatedItems(rated.item[:end], rated.value[:end])

    def user_bias(self, rated: RatedItems) -> float:
        """How far above others the customer rates, drawn to 0 where there is little to tell by."""
        return float(self._above(rated).sum() / (len(rated.item) + self.user_shrinkage))

    def residuals(self, rated: RatedItems) -> Floats:
        """What the baseline leaves unexplained of each rating: (N,)."""
        return (self._above(rated) - self.user_bias(rated)).astype(np.float32)

    def bias_of(self, items: Ints) -> Floats:
        """The item's own, 0 for one beyond those learnt from: (K,)."""
        inside = items < self.n_items
        return np.where(inside, self.item_bias[np.where(inside, items, 0)], np.float32(0))

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        level = self.mean + self.user_bias(self.known(rated))
        return (level + self.bias_of(items)).astype(np.float32)

    def clipped(self, estimates: Floats) -> Floats:
        """Kept within the scale: (K,)."""
        return np.clip(estimates, self.low, self.high).astype(np.float32)

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        return self.clipped(self.estimate(rated, items))

    def _above(self, rated: RatedItems) -> Doubles:
        return rated.value.astype(np.float64) - self.mean - self.item_bias[rated.item]

    def arrays(self) -> Mapping[str, AnyArray]:
        return state(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(**restored(arrays))


@dataclass(frozen=True, slots=True)
class RatingBaseline:
    """iterations: turns between items and customers.  How far both are drawn to 0, the ratings themselves say."""

    iterations: Count = 10

    def fit(self, ratings: Ratings, rng: Generator) -> RatingBaselineModel:
        """Crossed random effects by variational EM: shrinkage is noise over variance (Searle et al. 1992, ch. 8)."""
        require_ratings(ratings)
        value, spread = ratings.value.astype(np.float64), float(ratings.value.std())
        items = _Effect(ratings.item, ratings.n_items, max(spread**2, _LEAST))
        users = _Effect(ratings.user, len(ratings), max(spread**2, _LEAST))
        mean, noise = float(value.mean()), max(spread**2, _LEAST)
        for turn in range(self.iterations):
            mean += items.learn(value - mean - users.each, noise, is_centred=True)
            # The last word on customers is what a history alone gives back at any later time.
            is_last = turn == self.iterations - 1
            mean += users.learn(value - mean - items.each, noise, is_centred=not is_last)
            left = value - mean - items.each - users.each
            noise = max(float((left @ left + items.doubt + users.doubt) / len(left)), _LEAST)
        return RatingBaselineModel(
            item_bias=items.bias.astype(np.float32),
            mean=mean,
            user_shrinkage=users.shrinkage,
            low=float(value.min()),
            high=float(value.max()),
            spread=spread,
        )


class _Effect:
    """The biases of one side while they are being learnt: of n, with the member that each rating belongs to (P,)."""

    def __init__(self, member: Ints, n: int, variance: float) -> None:
        self.member = member
        self.count = np.bincount(member, minlength=n)
        self.variance = variance
        self.shrinkage = 1.0
        self.bias: Doubles = np.zeros(n)
        self.each: Doubles = np.zeros(len(member))
        self.doubt = 0.0  # variance left in the biases, over all ratings

    def learn(self, left: Doubles, noise: float, *, is_centred: bool) -> float:
        """Biases from what the rest leaves, (P,); returns by how much the mean rises where they are to average 0."""
        seen = self.count > 0
        self.shrinkage = noise / self.variance
        total = np.bincount(self.member, left, len(self.count))
        self.bias = np.asarray(total / (self.count + self.shrinkage), np.float64)
        doubt = noise / (self.count + self.shrinkage)
        shift = float(self.bias[seen].mean()) if is_centred else 0.0
        self.bias[seen] -= shift
        self.variance = max(float(np.mean(self.bias[seen] ** 2 + doubt[seen])), _LEAST)
        self.each, self.doubt = self.bias[self.member], float(self.count @ doubt)
        return shift


def with_baseline(model: "DataclassInstance") -> dict[str, AnyArray]:
    """The state of a model that stands on a `baseline`: its own fields, and those of the baseline below `baseline/`."""
    own = {field.name: np.asarray(getattr(model, field.name)) for field in fields(model) if field.name != "baseline"}
    baseline: RatingBaselineModel = getattr(model, "baseline")  # noqa: B009 - told by its name, as the others
    return own | {f"baseline/{name}": array for name, array in baseline.arrays().items()}


def baseline_and_own(arrays: Mapping[str, AnyArray]) -> tuple[RatingBaselineModel, dict[str, Any]]:
    """What `with_baseline` put together: the baseline, and the other fields."""
    below = {name.removeprefix("baseline/"): array for name, array in arrays.items() if "/" in name}
    own = restored({name: array for name, array in arrays.items() if "/" not in name})
    return RatingBaselineModel.from_arrays(below), own

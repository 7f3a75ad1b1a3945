"""The parts that predict ratings, added up by what ratings held back say each is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Doubles, Floats, Ints
from recsys.data.dataset.ratings import RatedItems, Ratings, hold_out_mask, require_ratings
from recsys.models.hyperparameters import Count
from recsys.models.ratings.base import RatingBaseline, RatingBaselineModel, RatingModel, ResidualLearner
from recsys.models.ratings.factors import FactorRatings, FactorRatingsModel
from recsys.models.ratings.item_neighbours import ItemRatings, ItemRatingsModel
from recsys.models.ratings.user_neighbours import UserRatings, UserRatingsModel

PARTS: Final[Mapping[str, ResidualLearner]] = {
    "item_knn": ItemRatings(),
    "user_knn": UserRatings(),
    "factors": FactorRatings(),
}
KINDS: Final[Mapping[str, type[RatingModel]]] = {
    "item_knn": ItemRatingsModel,
    "user_knn": UserRatingsModel,
    "factors": FactorRatingsModel,
}
HELD_SHARE = 0.1
FEWEST_HELD = 100
_DEVIATION = 0.5
_TOO_LITTLE = 0.05


@dataclass(frozen=True, slots=True)
class BlendRatingsModel:
    """baseline + sum of weight * (part - baseline); parts and weights by name, of which none may be left."""

    name: ClassVar[str] = "auto"
    baseline: RatingBaselineModel
    parts: Mapping[str, RatingModel]
    weights: Mapping[str, float]

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        base = self.baseline.estimate(rated, items)
        found = base.astype(np.float64)
        for name, part in self.parts.items():
            found += self.weights[name] * (part.estimate(rated, items) - base)
        return found.astype(np.float32)

    def predict(self, rated: RatedItems, items: Ints) -> Floats:
        return self.baseline.clipped(self.estimate(rated, items))

    def arrays(self) -> Mapping[str, AnyArray]:
        found = {f"baseline/{key}": array for key, array in self.baseline.arrays().items()}
        for name, part in self.parts.items():
            found[f"weights/{name}"] = np.asarray(self.weights[name])
            found |= {f"{name}/{key}": array for key, array in part.arrays().items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        below = {name: _below(arrays, name) for name in ("baseline", "weights", *KINDS)}
        weights = {name: float(below["weights"][name]) for name in KINDS if name in below["weights"]}
        parts = {name: KINDS[name].from_arrays(below[name]) for name in weights}
        return cls(RatingBaselineModel.from_arrays(below["baseline"]), parts, weights)


def _below(arrays: Mapping[str, AnyArray], name: str) -> dict[str, AnyArray]:
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}


@dataclass(frozen=True, slots=True)
class BlendRatings:
    """customers: the weights are chosen by a tenth of the ratings of so many of them."""

    customers: Count = 3_000

    def fit(self, ratings: Ratings, rng: Generator) -> BlendRatingsModel:
        """Learns twice: without what is held back to choose weights, then from everything.

        Raises NotEnoughData when nobody rated anything.
        """
        require_ratings(ratings)
        weights = self._weights(ratings, rng)
        baseline = RatingBaseline().fit(ratings, rng)
        parts = {name: PARTS[name].over(baseline, ratings, rng) for name in weights}
        return BlendRatingsModel(baseline, parts, weights)

    def _weights(self, ratings: Ratings, rng: Generator) -> dict[str, float]:
        held = hold_out_mask(ratings, rng, share=HELD_SHARE, most_customers=self.customers)
        if np.count_nonzero(held) < FEWEST_HELD:
            return dict.fromkeys(PARTS, 1 / len(PARTS))
        shown, asked = ratings.only(~held), ratings.only(held)
        baseline = RatingBaseline().fit(shown, rng)
        base = estimates(baseline, shown, asked)
        moves = [estimates(part.over(baseline, shown, rng), shown, asked) - base for part in PARTS.values()]
        found = best_weights(np.column_stack(moves).astype(np.float64), (asked.value - base).astype(np.float64))
        return {name: float(weight) for name, weight in zip(PARTS, found, strict=True) if weight > 0}


def estimates(model: RatingModel, shown: Ratings, asked: Ratings) -> Floats:
    """What the model says of the asked ratings, each customer by what is shown of the same one: (P,)."""
    found = np.empty(len(asked.item), np.float32)
    for user in np.flatnonzero(np.diff(asked.offsets)):
        mine = slice(asked.offsets[user], asked.offsets[user + 1])
        found[mine] = model.estimate(shown.by_user(int(user)), asked.item[mine])
    return found


def best_weights(moves: Doubles, wanted: Doubles) -> Doubles:
    """Least squares with no weight below 0, drawn to equal ones where little can be told.  (P, N), (P,) -> (N,).

    Before any rating is looked at, a weight is thought to lie at 1 / N, give or take a half.
    A part worth less than a twentieth costs more in answering than it adds, and goes.
    """
    from scipy.optimize import nnls

    n = moves.shape[1]
    pull = float(np.std(wanted)) / _DEVIATION
    guessed = np.vstack((moves, pull * np.eye(n))), np.concatenate((wanted, np.full(n, pull / n)))
    kept = nnls(*guessed)[0] >= _TOO_LITTLE
    weights = np.zeros(n)
    if kept.any():
        weights[kept] = nnls(guessed[0][:, kept], guessed[1])[0]
    return weights

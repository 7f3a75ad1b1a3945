"""Rating ensemble: a weighted sum of rating models, with weights fitted to held-back ratings (stacking)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Doubles, Floats, Ints
from recsys.bundle.array_spec import ArraySpec, below
from recsys.data.dataset.ratings import RatedItems, Ratings, hold_out_mask, require_ratings
from recsys.models.hyperparameters import Count
from recsys.models.ratings.base import RatingBaseline, RatingBaselineModel, RatingModel, ResidualLearner, ResidualModel
from recsys.models.ratings.factors import FactorRatings, FactorRatingsModel
from recsys.models.ratings.item_neighbours import ItemRatings, ItemRatingsModel
from recsys.models.ratings.user_neighbours import UserRatings, UserRatingsModel

PARTS: Final[Mapping[str, tuple[ResidualLearner[RatingModel], type[RatingModel]]]] = {
    "item_knn": (ItemRatings(), ItemRatingsModel),
    "user_knn": (UserRatings(), UserRatingsModel),
    "factors": (FactorRatings(), FactorRatingsModel),
}
HELD_SHARE = 0.1
MIN_HELD = 100
_DEVIATION = 0.5
_MIN_WEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class RatingEnsembleModel(ResidualModel):
    """baseline + sum of weight * (part - baseline); parts and weights by name, possibly none."""

    name: ClassVar[str] = "auto"
    parts: Mapping[str, RatingModel]
    weights: Mapping[str, float]

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        base = self.baseline.estimate(rated, items)
        total = base.astype(np.float64)
        for name, part in self.parts.items():
            total += self.weights[name] * (part.estimate(rated, items) - base)
        return total.astype(np.float32)

    @classmethod
    def specs(cls, names: Collection[str] = ()) -> dict[str, ArraySpec]:
        """Those of the baseline, and of the parts that have a weight among these names."""
        specs = below("baseline/", RatingBaselineModel.specs())
        for name in (name for name in PARTS if f"weights/{name}" in names):
            specs |= {f"weights/{name}": ArraySpec()} | below(f"{name}/", PARTS[name][1].specs())
        return specs

    def arrays(self) -> Mapping[str, AnyArray]:
        arrays = {f"baseline/{key}": array for key, array in self.baseline.arrays().items()}
        for name, part in self.parts.items():
            arrays[f"weights/{name}"] = np.asarray(self.weights[name])
            arrays |= {f"{name}/{key}": array for key, array in part.arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        folders = {name: _folder(arrays, name) for name in ("baseline", "weights", *PARTS)}
        weights = {name: float(folders["weights"][name]) for name in PARTS if name in folders["weights"]}
        parts = {name: PARTS[name][1].from_arrays(folders[name]) for name in weights}
        return cls(RatingBaselineModel.from_arrays(folders["baseline"]), parts, weights)


def _folder(arrays: Mapping[str, AnyArray], name: str) -> dict[str, AnyArray]:
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}


@dataclass(frozen=True, slots=True)
class RatingEnsemble:
    """customers: the weights are fitted to a tenth of the ratings of so many users."""

    customers: Count = 3_000

    def fit(self, ratings: Ratings, rng: Generator) -> RatingEnsembleModel:
        """Fits twice: without the held-back ratings to find the weights, then to all ratings.

        Raises NotEnoughData without ratings.
        """
        require_ratings(ratings)
        weights = self._weights(ratings, rng)
        baseline = RatingBaseline().fit(ratings, rng)
        parts = {name: PARTS[name][0].fit_residuals(baseline, ratings, rng) for name in weights}
        return RatingEnsembleModel(baseline, parts, weights)

    def _weights(self, ratings: Ratings, rng: Generator) -> dict[str, float]:
        held = hold_out_mask(ratings, rng, share=HELD_SHARE, most_customers=self.customers)
        if np.count_nonzero(held) < MIN_HELD:
            return dict.fromkeys(PARTS, 1 / len(PARTS))
        known, held_back = ratings.only(~held), ratings.only(held)
        baseline = RatingBaseline().fit(known, rng)
        base = estimates(baseline, known, held_back)
        models = [learner.fit_residuals(baseline, known, rng) for learner, _ in PARTS.values()]
        corrections = [estimates(model, known, held_back) - base for model in models]
        residual = (held_back.value - base).astype(np.float64)
        weights = fit_weights(np.column_stack(corrections).astype(np.float64), residual)
        return {name: float(weight) for name, weight in zip(PARTS, weights, strict=True) if weight > 0}


def estimates(model: RatingModel, known: Ratings, held_back: Ratings) -> Floats:
    """The model's estimates of the held-back ratings, each from the known ratings of the same user: (P,)."""
    values = np.empty(len(held_back.item), np.float32)
    for user in np.flatnonzero(np.diff(held_back.offsets)):
        own = slice(held_back.offsets[user], held_back.offsets[user + 1])
        values[own] = model.estimate(known.by_user(int(user)), held_back.item[own])
    return values


def fit_weights(corrections: Doubles, residual: Doubles) -> Doubles:
    """Non-negative least squares, shrunk towards equal weights where ratings are few.  (P, N), (P,) -> (N,).

    The prior of a weight has mean 1 / N and standard deviation 0.5.
    A part with a weight below 0.05 costs more time than it is worth, and is dropped.
    """
    from scipy.optimize import nnls

    n = corrections.shape[1]
    pull = float(np.std(residual)) / _DEVIATION
    left = np.vstack((corrections, pull * np.eye(n)))
    right = np.concatenate((residual, np.full(n, pull / n)))
    kept = nnls(left, right)[0] >= _MIN_WEIGHT
    weights = np.zeros(n)
    if kept.any():
        weights[kept] = nnls(left[:, kept], right)[0]
    return weights

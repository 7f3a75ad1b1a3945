"""ALS: matrix factorisation of implicit feedback, fitted by `implicit`, served by a few lines of our own."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field
from scipy.linalg.lapack import sposv
from scipy.sparse import csr_matrix

from recsys import kernels
from recsys.arrays import Floats, Ints, top_k
from recsys.bundle.array_spec import Arrays, ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.als_solver import item_vectors, pull_per_weight
from recsys.models.base import Fold
from recsys.models.event_weights import HalfLifeSetting, half_life_or, saturated, saturated_matrix, shop_tempo_days
from recsys.models.hyperparameters import AboveZero, Count, VectorSize
from recsys.models.serialization import StoredAmount, StoredDays, StoredFields, StoredSaturation, require_events

# The best values on 943 users with 68 items each, 19,412 with 7 and 2,469 with 300 (decisions/0012).
AUTO_ALPHA, ALPHAS = 270.0, (2.0, 40.0)
AUTO_REGULARIZATION = 0.2
# Twice as many factors help where items are many and each user has few; elsewhere they only cost time (decisions/0027).
FACTORS, MORE_FACTORS = 64, 128
MANY_ITEMS, FEW_ITEMS_PER_USER = 5_000, 50

GRAM_SLACK = 1e-3  # of its largest number, for sums in another order


def _gram_fault(arrays: Arrays) -> str | None:
    """Whether the normal equations of a user can be solved, and without overflow."""
    vectors, gram = arrays["item_vectors"], arrays["gram"]
    with np.errstate(over="ignore", invalid="ignore"):
        product = vectors.T @ vectors
    slack = GRAM_SLACK * float(np.abs(gram).max(initial=0))
    return None if np.allclose(product, gram, rtol=0, atol=slack) else "not the product of the item vectors"


@dataclass(frozen=True, slots=True)
class AlsModel(StoredFields):
    """score = embed(histories) @ item_vectors.T

    item_vectors (I, F); item_length (I,): their Euclidean lengths; gram (F, F) = item_vectors.T @ item_vectors.
    pull: regularization for each unit that a user's cells weigh; those of items the user did not buy weigh 1 each.
    n_bought: items that anyone bought.  base: confidence of a bought item before its weight counts.  pull_per_item:
    regularization for each bought item.  Both are 0 where this process fitted; the solver of Spark has both.
    """

    name: ClassVar[str] = "als"
    item_vectors: Annotated[Floats, ArraySpec("I F")]
    item_length: Annotated[Floats, ArraySpec("I", low=0)]
    gram: Annotated[Floats, ArraySpec("F F", rule=_gram_fault)]
    alpha: StoredAmount
    pull: StoredAmount
    n_bought: Annotated[int, ArraySpec(low=0)]
    half_life_days: StoredDays
    saturation: StoredSaturation
    base: StoredAmount = 0.0
    pull_per_item: StoredAmount = 0.0

    @property
    def fold_in(self) -> dict[str, str | float]:
        """The formula of a user's vector x and its numbers, for a manifest; r: weights after decay and saturation."""
        return {
            "vector": "(Y'Y + Y_h'(C - 1)Y_h + reg) x = Y_h'c",
            "c": "base + alpha * r",
            "reg": "pull * (sum of c + n_bought) + pull_per_item * items",
            "alpha": self.alpha,
            "base": self.base,
            "pull": self.pull,
            "pull_per_item": self.pull_per_item,
            "n_bought": self.n_bought,
        }

    def fold(self, history: Histories) -> Fold:
        return (self._fold_in(*history.item_weights(self.half_life_days)),)

    def embed(self, histories: Histories) -> Floats:
        if len(histories) == 1:
            (vector,) = histories.fold(self) or histories.keep_fold(self, self.fold(histories))
            return vector[None]
        vectors = np.zeros((len(histories), self.gram.shape[0]), np.float32)
        for row, (item, weight) in enumerate(histories.item_weights_by_user(self.half_life_days)):
            vectors[row] = self._fold_in(item, weight)
        return vectors

    def _fold_in(self, item: Ints, weight: Floats) -> Floats:
        """The user's vector from their items: (F,), zeros when no item counts."""
        if kernels.compiled is not None:
            return kernels.compiled.als_vector(
                self.item_vectors,
                self.gram,
                item,
                weight,
                self.alpha,
                self.saturation,
                self.base,
                self.pull,
                self.pull_per_item,
                self.n_bought,
            )
        confidence = np.float32(self.alpha) * saturated(weight, self.saturation)
        # Hu, Koren & Volinsky 2008, eq. 4: c = alpha * r for bought items as implicit writes it, 1 + alpha * r as Spark
        # does, 1 for all others, so (Y'Y + Y_h'(C_h - 1)Y_h + reg) x = Y_h'c.
        bought = confidence > 0
        if self.base:
            confidence += np.float32(self.base) * bought
        liked = self.item_vectors.take(item, 0)
        system = self.gram + (liked.T * (confidence - bought)) @ liked
        pull = self.pull * (confidence.sum() + self.n_bought)
        system.flat[:: len(system) + 1] += pull + self.pull_per_item * np.count_nonzero(bought)
        _, vector, _ = sposv(system, confidence @ liked, lower=1)
        return np.asarray(vector, np.float32)

    def score(self, histories: Histories) -> Floats:
        return self.embed(histories) @ self.item_vectors.T

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        length = self.item_length * self.item_length[item]
        products = self.item_vectors @ self.item_vectors[item]
        cosine = np.divide(products, length, out=np.zeros_like(products), where=length > 0)
        cosine[item] = 0
        near = top_k(cosine, k)
        near = near[cosine[near] > 0]
        return near, cosine[near]


@dataclass(frozen=True, slots=True)
class Als:
    """factors: length of a vector; `auto` is 64, and 128 where items are many and each user has few.

    iterations: passes over the data.  regularization: of the average pair; a row with more weight is regularised more,
    in proportion.  `auto` grows with alpha, with the items per user and with the users per item, times
    regularization_scale, which a training searches.
    alpha: how much more a purchase counts than its absence; `auto` is from 2 to 40, less where users have more items.
    half_life_days: how fast a purchase is forgotten; `auto` is the shop's tempo.
    saturation: the smaller it is, the less repeats count; 0 counts only the first, inf counts them all.
    Pairs whose weights sum up to 0 or less (returned, dismissed) count as unknown: the library would take them for
    certain dislike, but a user who returns one piece may well want another.
    """

    factors: VectorSize | Literal["auto"] = "auto"
    iterations: Count = 15
    regularization: AboveZero | Literal["auto"] = "auto"
    alpha: AboveZero | Literal["auto"] = "auto"
    half_life_days: HalfLifeSetting = "auto"
    saturation: Annotated[float, Field(ge=0)] = 1.2
    regularization_scale: AboveZero = 1.0

    def fit(self, data: Interactions, rng: Generator) -> AlsModel:
        require_events(data)
        half_life_days = half_life_or(self.half_life_days, shop_tempo_days(data.histories))
        matrix = csr_matrix(saturated_matrix(data.histories.pairs(half_life_days), self.saturation))
        bought = np.unique(matrix.indices)
        weights = matrix[np.diff(matrix.indptr) > 0][:, bought]
        alpha, regularization, factors = self.settings_for(*weights.shape, weights.nnz)
        confidence = weights * np.float32(alpha)
        vectors = np.zeros((data.n_items, factors), np.float32)
        vectors[bought] = item_vectors(confidence, regularization, factors, self.iterations, rng)
        return AlsModel(
            item_vectors=vectors,
            item_length=np.linalg.norm(vectors, axis=1),
            gram=vectors.T @ vectors,
            alpha=alpha,
            pull=pull_per_weight(confidence, regularization),
            n_bought=len(bought),
            half_life_days=half_life_days,
            saturation=self.saturation,
        )

    def settings_for(self, n_users: int, n_items: int, n_pairs: int) -> tuple[float, float, int]:
        """Alpha, regularization and factors: the given ones, or for `auto` the ones that suit so many pairs."""
        auto_alpha = float(np.clip(AUTO_ALPHA * n_users / max(1, n_pairs), *ALPHAS))
        alpha = auto_alpha if self.alpha == "auto" else self.alpha
        regularization = max(1.0, AUTO_REGULARIZATION * alpha * n_pairs / float(max(1, n_users * n_items)) ** 0.5)
        regularization *= self.regularization_scale
        factors = MORE_FACTORS if n_pairs < FEW_ITEMS_PER_USER * n_users and n_items > MANY_ITEMS else FACTORS
        return (
            alpha,
            regularization if self.regularization == "auto" else self.regularization,
            factors if self.factors == "auto" else self.factors,
        )

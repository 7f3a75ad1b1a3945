"""Matrix factorisation of implicit feedback: fitted by `implicit`, served by a few lines of our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.random import Generator
from pydantic import Field
from scipy.linalg.lapack import sposv
from scipy.sparse import csr_matrix

from recsys.arrays import AnyArray, Floats, Ints, top_k
from recsys.data.dataset.histories import Histories, UserItemPairs
from recsys.data.dataset.interactions import Interactions
from recsys.models.als_solver import item_vectors, pull_per_weight
from recsys.models.auto_half_life import HalfLifeSetting, half_life_or, shop_tempo_days
from recsys.models.hyperparameters import Count, Width
from recsys.models.saturation import saturated
from recsys.models.serialization import require_events, restored, state

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# What was best on 943 customers with 68 items each, 19,412 with 7 and 2,469 with 300 (decisions/0012).
AUTO_ALPHA, ALPHAS = 270.0, (2.0, 40.0)
AUTO_PULL = 0.2
# Decisions/0027: twice as many where items are many and customers say little; else they cost time and tell nothing.
USUAL, WIDE = 64, 128
WIDE_RANGE, FEW_ITEMS = 5_000, 50


@dataclass(frozen=True, slots=True)
class AlsModel:
    """score = embed(histories) @ item_vectors.T

    item_vectors (I, F); item_length (I,) their Euclidean lengths; gram (F, F) = item_vectors.T @ item_vectors; pull for
    each unit that a customer's cells weigh, those of the other n_bought items 1 each.
    """

    name: ClassVar[str] = "als"
    item_vectors: Floats
    item_length: Floats
    gram: Floats
    alpha: float
    pull: float
    n_bought: int
    half_life_days: float
    saturation: float

    def embed(self, histories: Histories) -> Floats:
        vectors = np.zeros((len(histories), self.gram.shape[0]), np.float32)
        for row, (item, weight) in enumerate(histories.item_weights_by_user(self.half_life_days)):
            vectors[row] = self._fold_in(item, weight)
        return vectors

    def _fold_in(self, item: Ints, weight: Floats) -> Floats:
        """The customer's vector from their items: (F,), zeros when none of them counts."""
        confidence = np.float32(self.alpha) * saturated(weight, self.saturation)
        # Hu, Koren & Volinsky 2008, eq. 4, as implicit writes it: c = alpha * r for what was bought, 1 for all else,
        # so (Y'Y + Y_h'(C_h - 1)Y_h + reg) x = Y_h'c.
        liked = self.item_vectors.take(item, 0)
        system = self.gram + (liked.T * (confidence - (confidence > 0))) @ liked
        system.flat[:: len(system) + 1] += self.pull * (confidence.sum() + self.n_bought)
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

    def arrays(self) -> Mapping[str, AnyArray]:
        return state(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(**restored(arrays))


@dataclass(frozen=True, slots=True)
class Als:
    """factors: length of a vector; `auto` is 64, and 128 where a large range is known by a few items of each customer.

    iterations: passes over the data.  regularization: pull of the average pair towards 0; who says more is pulled
    harder, in proportion. `auto` grows with alpha and with how many items the customers and customers the items have.
    alpha: how much more a purchase says than its absence; `auto` is the less the more items a customer has, from 2 to
    40.  half_life_days: how fast a purchase is forgotten; `auto` is the shop's tempo.
    saturation: repeats beyond the first say less the smaller it is; 0 only asks whether, inf counts them all.
    What sums up to no more than 0 (returned, dismissed) counts as not known: the library would read it as sure
    dislike, and who brings one piece back may well want another.
    """

    factors: Width | Literal["auto"] = "auto"
    iterations: Count = 15
    regularization: Positive | Literal["auto"] = "auto"
    alpha: Positive | Literal["auto"] = "auto"
    half_life_days: HalfLifeSetting = "auto"
    saturation: Annotated[float, Field(ge=0)] = 1.2

    def fit(self, data: Interactions, rng: Generator) -> AlsModel:
        """Raises NotEnoughData without any event."""
        require_events(data)
        half_life_days = half_life_or(self.half_life_days, shop_tempo_days(data.histories))
        matrix = _positive(data.histories.pairs(half_life_days), self.saturation)
        bought = np.unique(matrix.indices)
        told = matrix[np.diff(matrix.indptr) > 0][:, bought]
        alpha, regularization, factors = self._suited_to(told)
        confidence = told * np.float32(alpha)
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

    def _suited_to(self, told: "csr_matrix[np.float32]") -> tuple[float, float, int]:
        """Alpha, regularization and factors: those that were set, or for `auto` what suits so many pairs."""
        (n_users, n_items), n_pairs = told.shape, told.nnz
        usual = float(np.clip(AUTO_ALPHA * n_users / max(1, n_pairs), *ALPHAS))
        alpha = usual if self.alpha == "auto" else self.alpha
        pull = max(1.0, AUTO_PULL * alpha * n_pairs / float(max(1, n_users * n_items)) ** 0.5)
        factors = WIDE if n_pairs < FEW_ITEMS * n_users and n_items > WIDE_RANGE else USUAL
        return (
            alpha,
            pull if self.regularization == "auto" else self.regularization,
            factors if self.factors == "auto" else self.factors,
        )


def _positive(pairs: UserItemPairs, saturation: float) -> "csr_matrix[np.float32]":
    """The saturated weights above 0, (U, I)."""
    matrix = csr_matrix(pairs.matrix())
    matrix.data = saturated(pairs.weight, saturation)
    matrix.eliminate_zeros()
    return matrix

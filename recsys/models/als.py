"""Matrix factorisation of implicit feedback: fitted by `implicit`, served by a few lines of our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.random import Generator
from pydantic import Field
from scipy.linalg.lapack import sposv
from scipy.sparse import csr_matrix

from recsys.arrays import AnyArray, Floats, Ints, top_k
from recsys.data.histories import Histories, Pairs
from recsys.data.interactions import Interactions
from recsys.models.parameters import Count
from recsys.models.saturation import saturated
from recsys.models.state import require_events, restored, state
from recsys.models.tempo import Pace, days_of, tempo_days


@dataclass(frozen=True, slots=True)
class AlsModel:
    """score = embed(histories) @ item_vectors.T

    item_vectors (I, F); item_length (I,) their Euclidean lengths; gram (F, F) = item_vectors.T @ item_vectors.
    """

    name: ClassVar[str] = "als"
    item_vectors: Floats
    item_length: Floats
    gram: Floats
    alpha: float
    regularization: float
    half_life_days: float
    saturation: float

    def embed(self, histories: Histories) -> Floats:
        if len(histories) == 1:
            return self._fold_in(*histories.weighed(self.half_life_days))[None]
        pairs = histories.pairs(self.half_life_days)
        vectors = np.zeros((len(histories), self.gram.shape[0]), np.float32)
        for row in range(len(histories)):
            mine = slice(pairs.offsets[row], pairs.offsets[row + 1])
            vectors[row] = self._fold_in(pairs.item[mine], pairs.weight[mine])
        return vectors

    def _fold_in(self, item: Ints, weight: Floats) -> Floats:
        """The customer's vector from their items: (F,), zeros when none of them counts."""
        confidence = np.float32(self.alpha) * saturated(weight, self.saturation)
        # Hu, Koren & Volinsky 2008, eq. 4, as implicit writes it: c = alpha * r for what was bought, 1 for all else,
        # so (Y'Y + Y_h'(C_h - 1)Y_h + reg) x = Y_h'c.
        liked = self.item_vectors[item]
        system = self.gram + (liked.T * (confidence - (confidence > 0))) @ liked
        system.flat[:: len(system) + 1] += self.regularization
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
    """factors: length of a vector.  iterations: passes over the data.  regularization: pull towards 0.

    alpha: how much more a purchase says than its absence.  half_life_days: how fast a purchase is forgotten;
    `auto` is the shop's tempo.
    saturation: repeats beyond the first say less the smaller it is; 0 only asks whether, inf counts them all.
    What sums up to no more than 0 (returned, dismissed) counts as not known: the library would read it as sure
    dislike, and who brings one piece back may well want another.
    """

    factors: Count = 64
    iterations: Count = 15
    regularization: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2.0
    half_life_days: Pace = "auto"
    saturation: Annotated[float, Field(ge=0)] = 1.2

    def fit(self, data: Interactions, rng: Generator) -> AlsModel:
        """Raises NotEnoughData without any event."""
        require_events(data)
        half_life_days = days_of(self.half_life_days, tempo_days(data.histories))
        matrix = _positive(data.histories.pairs(half_life_days), self.saturation)
        vectors = self._factorised(matrix, rng)
        bought = np.bincount(matrix.indices, minlength=data.n_items) > 0
        # An item nobody has would keep a trace of its random start.
        item_vectors = np.where(bought[:, None], vectors, np.float32(0))
        return AlsModel(
            item_vectors=item_vectors,
            item_length=np.linalg.norm(item_vectors, axis=1),
            gram=item_vectors.T @ item_vectors,
            alpha=self.alpha,
            regularization=self.regularization,
            half_life_days=half_life_days,
            saturation=self.saturation,
        )

    def _factorised(self, matrix: "csr_matrix[np.float32]", rng: Generator) -> Floats:
        """Item vectors, (I, F) float32, on all cores."""
        # Loaded only while fitting: a server never needs either.
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        # With more than one BLAS thread its own threads fight for the cores: up to ten times slower.
        with threadpool_limits(limits=1, user_api="blas"):
            learner = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.alpha,
                iterations=self.iterations,
                num_threads=0,
                random_state=rng,
            )
            learner.fit(matrix, show_progress=False)
        return np.asarray(learner.item_factors, np.float32)


def _positive(pairs: Pairs, saturation: float) -> "csr_matrix[np.float32]":
    """The saturated weights above 0, (U, I)."""
    matrix = csr_matrix(pairs.matrix())
    matrix.data = saturated(pairs.weight, saturation)
    matrix.eliminate_zeros()
    return matrix

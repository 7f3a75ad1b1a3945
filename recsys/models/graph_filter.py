"""Spectral graph filter (GF-CF): items that share users, and a low-pass filter that keeps only the broad tastes."""

from dataclasses import dataclass
from math import isqrt
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from recsys.arrays import Doubles, Floats, Ints, top_k
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.event_weights import saturated, saturated_matrix
from recsys.models.hyperparameters import Count, HalfLifeDays, PositiveAmount, VectorSize
from recsys.models.neighbour_table import NeighbourTable, VotingModel, heaviest, strongest_votes
from recsys.models.serialization import require_events

FACTORS_PER_ROOT, FACTORS = 2, (16, 256)  # best of 16 to 256 on 943 users; 256 on 30,000 and 40,000 items (the paper)
MOST_NUMBERS = 2**23  # of all vectors, which every request reads: 32 MiB
OVERSAMPLING, POWER_STEPS = 16, 8
NO_SIGNAL = 1e-4  # of the largest singular value: what is below is rounding

Likes: TypeAlias = "csr_matrix[np.float64]"


@dataclass(frozen=True, slots=True)
class GraphFilterModel(VotingModel):
    """votes: the linear filter, how much each item votes for the items that share its users; only the strongest.

    tastes (I, F): the low-pass filter times the root of an item's weight; item_size (I,): that weight, all users
    together.  low_pass: how much the low-pass filter counts beside the linear one.
    """

    name: ClassVar[str] = "graph_filter"
    tastes: Annotated[Floats, ArraySpec("I F")]
    item_size: Annotated[Floats, ArraySpec("I", low=0)]
    low_pass: float
    best_of_rows: ClassVar[None] = None  # type: ignore[assignment]  # its score is more than the sum of rows

    def score(self, histories: Histories) -> Floats:
        """The history through both filters, (Q, I); below 0 where the tastes of a history are against an item."""
        # slots=True makes a new class, which `super()` without arguments does not know.
        scores = VotingModel.score(self, histories)
        profiles = np.zeros((len(scores), self.tastes.shape[1]), np.float32)
        for row, weights in zip(profiles, histories.item_weights_by_user(self.half_life_days), strict=True):
            item, weight = heaviest(*weights, self.max_history)
            row[:] = self._profile(item, saturated(weight, self.saturation))
        scores += profiles @ self.tastes.T
        return scores

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        own = np.array([item], np.int32)
        similarity = self.tastes @ self._profile(own, np.ones(1, np.float32))
        self.votes.spread(own, np.ones(1, np.float32), similarity)
        similarity[item] = 0
        near = top_k(similarity, k)
        near = near[similarity[near] > 0]
        return near, similarity[near]

    def _profile(self, item: Ints, weight: Floats) -> Floats:
        """What a history with those weights passes on, (F,)."""
        size = self.item_size[item]
        share = np.divide(weight * np.float32(self.low_pass), size, out=np.zeros_like(size), where=size > 0)
        profile: Floats = share @ self.tastes.take(item, 0)
        return profile


@dataclass(frozen=True, slots=True)
class GraphFilter:
    """factors: tastes that the low-pass filter lets through; `auto` is twice the root of users or items, the fewer.

    low_pass: how much the low-pass filter counts.  top_n: how many items vote for an item directly.  max_votes: how
    many items an item of the history may vote for.  max_history: how many items of a history count; both bound the
    time of a request.  half_life_days: how fast an event fades.  saturation: the smaller it is, the less repeats count;
    0 counts only the first.
    """

    factors: VectorSize | Literal["auto"] = "auto"
    low_pass: PositiveAmount = 0.3
    top_n: Count = 200
    max_votes: Count = 200
    max_history: Count = 300
    half_life_days: HalfLifeDays = np.inf
    saturation: PositiveAmount = 1.2

    def fit(self, data: Interactions, rng: Generator) -> GraphFilterModel:
        """Raises NotEnoughData without any event.  Which of several equal votes is cut off is not defined."""
        require_events(data)
        likes: Likes = csr_matrix(saturated_matrix(data.histories.pairs(self.half_life_days), self.saturation))
        likes = likes.astype(np.float64)
        user_size, item_size = (np.asarray(likes.sum(axis=axis)).ravel() for axis in (1, 0))
        # Shen et al. 2021, eq. 16: R~ = D_U^-1/2 R D_I^-1/2; R R~'R~ and R D_I^-1/2 V V' D_I^1/2, both up to the scale
        # of a user.
        root = np.sqrt(item_size)
        scaled = _scaled(likes, np.sqrt(user_size), root)
        tastes = _main_tastes(scaled, self.n_factors(*likes.shape), rng) * root[:, None]
        return GraphFilterModel(
            self._votes(scaled),
            self.half_life_days,
            self.saturation,
            self.max_history,
            tastes.astype(np.float32),
            item_size.astype(np.float32),
            self.low_pass,
        )

    def n_factors(self, n_users: int, n_items: int) -> int:
        """The number of tastes: as set, or what suits so many users and items."""
        if self.factors != "auto":
            return self.factors
        least, most = FACTORS
        root = FACTORS_PER_ROOT * isqrt(min(n_users, n_items))
        return int(np.clip(root, least, min(most, max(least, MOST_NUMBERS // max(1, n_items)))))

    def _votes(self, scaled: Likes) -> NeighbourTable:
        from implicit.nearest_neighbours import all_pairs_knn

        n_items = scaled.shape[1]
        # One more than top_n, because an item shares its own users.
        nearest = all_pairs_knn(scaled, min(self.top_n + 1, n_items), show_progress=False)
        return strongest_votes(nearest.col, nearest.row, nearest.data, n_items=n_items, max_votes=self.max_votes)


def _scaled(likes: Likes, by_user: Doubles, by_item: Doubles) -> Likes:
    """Each weight over the number of its user and that of its item."""
    scaled = likes.copy()
    scaled.data /= np.repeat(by_user, np.diff(likes.indptr)) * by_item[likes.indices]
    return scaled


def _main_tastes(scaled: Likes, factors: int, rng: Generator) -> Doubles:
    """The right singular vectors of the largest singular values, (I, <= factors)."""
    n_vectors = factors + OVERSAMPLING
    if n_vectors >= min(scaled.shape):
        basis = np.linalg.svd(scaled.toarray(), full_matrices=False)[2].T
    else:
        # Halko et al. 2011, algorithm 4.4: a tenth of the time of Lanczos; the spectrum of a shop falls fast enough.
        matrix = scaled.astype(np.float32)
        basis = rng.standard_normal((scaled.shape[1], n_vectors), np.float32)
        for _ in range(POWER_STEPS):
            basis, _ = np.linalg.qr(matrix.T @ (matrix @ basis))
    passed = scaled @ basis
    energy, turn = np.linalg.eigh(passed.T @ passed)
    kept = np.flatnonzero(energy > NO_SIGNAL**2 * energy[-1])[-factors:]
    vectors: Doubles = basis @ turn[:, kept]
    return vectors

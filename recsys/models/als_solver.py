"""ALS solver: alternating least squares of `implicit`, each row regularised in proportion to its weight."""

from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from recsys.arrays import Floats

Confidence: TypeAlias = "csr_matrix[np.float32]"
# The solver takes one regularization at a time: rows with nearly the same one are solved together, at most 10 % off.
STEP = 1.2
START = 0.01


def pull_per_weight(confidence: Confidence, regularization: float) -> float:
    """Regularization of a row per unit of its weight, such that the average pair gets the given one.

    Rendle et al. 2022 (iALS revisited), eq. 5: lambda (|I_u| + alpha_0 |I|) ^ nu with nu = 1, all of it times alpha:
    an item that was not bought weighs 1 here and alpha_0 there.
    """
    n_pairs = np.diff(confidence.indptr)
    return float(regularization / np.exp(np.log(_weights(confidence)) @ n_pairs / max(1, n_pairs.sum())))


def item_vectors(
    confidence: Confidence, regularization: float, factors: int, iterations: int, rng: Generator
) -> Floats:
    """Weights (U, I) of bought items, all above 0 -> (I, F) float32, on all cores."""
    # Only fitting loads them: a server needs neither.
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    by_user, by_item = (np.argsort(_weights(side), kind="stable") for side in _both_sides(confidence))
    users, items = (
        _AlsSide(side, regularization, factors, rng) for side in _both_sides(confidence[by_user][:, by_item])
    )
    # With more than one BLAS thread the solver's own threads compete for the cores: up to ten times slower.
    with threadpool_limits(limits=1, user_api="blas"):
        solve = AlternatingLeastSquares(factors=factors).solver
        for _ in range(iterations):
            for side, others in ((users, items), (items, users)):
                for rows, pairs, pull in side.blocks:
                    solve(pairs, side.vectors[rows], others.vectors, pull, num_threads=0)
    return items.vectors[np.argsort(by_item)]


class _AlsSide:
    """Vectors of one side's rows, which are sorted by weight, and the blocks they are solved in."""

    def __init__(self, confidence: Confidence, regularization: float, factors: int, rng: Generator) -> None:
        pull = pull_per_weight(confidence, regularization) * _weights(confidence)
        level = np.floor(np.log(pull / pull[:1]) / np.log(STEP))
        starts = np.flatnonzero(np.diff(level, prepend=-1))
        ends = [*starts[1:], len(pull)]
        parts = [slice(int(start), int(end)) for start, end in zip(starts, ends, strict=False)]
        self.blocks = [(rows, confidence[rows], float(np.sqrt(pull[rows][0] * pull[rows][-1]))) for rows in parts]
        self.vectors = START * rng.random((len(pull), factors), np.float32)


def _both_sides(confidence: Confidence) -> tuple[Confidence, Confidence]:
    return confidence, confidence.T.tocsr()


def _weights(confidence: Confidence) -> Floats:
    """The weight of all cells of each row; a cell without a pair weighs 1: (R,)."""
    return np.asarray(confidence.sum(axis=1)).ravel() + np.float32(confidence.shape[1])

"""Alternating least squares in which every row is pulled towards 0 by what it weighs, by the solver of `implicit`."""

from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from recsys.arrays import Floats

Confidence: TypeAlias = "csr_matrix[np.float32]"
# The solver takes one pull at a time: rows of nearly the same are solved together, none a tenth off its own.
STEP = 1.2
START = 0.01


def pull_per_weight(confidence: Confidence, usual: float) -> float:
    """What each unit of weight adds to a row's pull, so that the average pair is pulled as `usual` says.

    Rendle et al. 2022 (iALS revisited), eq. 5: lambda (|I_u| + alpha_0 |I|) ^ nu with nu = 1, all of it times alpha:
    what was not bought weighs 1 here and alpha_0 there.
    """
    n_pairs = np.diff(confidence.indptr)
    return float(usual / np.exp(np.log(_weights(confidence)) @ n_pairs / max(1, n_pairs.sum())))


def item_vectors(confidence: Confidence, usual_pull: float, factors: int, iterations: int, rng: Generator) -> Floats:
    """(U, I) of what was bought, all above 0 -> (I, F) float32, on all cores."""
    # Loaded only while fitting: a server never needs either.
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    by_user, by_item = (np.argsort(_weights(side), kind="stable") for side in _both(confidence))
    users, items = (_AlsSide(side, usual_pull, factors, rng) for side in _both(confidence[by_user][:, by_item]))
    # With more than one BLAS thread its own threads fight for the cores: up to ten times slower.
    with threadpool_limits(limits=1, user_api="blas"):
        solve = AlternatingLeastSquares(factors=factors).solver
        for _ in range(iterations):
            for side, others in ((users, items), (items, users)):
                for rows, pairs, pull in side.blocks:
                    solve(pairs, side.vectors[rows], others.vectors, pull, num_threads=0)
    return items.vectors[np.argsort(by_item)]


class _AlsSide:
    """Vectors of one side's rows, which stand in order of their weight, and the blocks they are solved in."""

    def __init__(self, confidence: Confidence, usual_pull: float, factors: int, rng: Generator) -> None:
        pull = pull_per_weight(confidence, usual_pull) * _weights(confidence)
        level = np.floor(np.log(pull / pull[:1]) / np.log(STEP))
        starts = np.flatnonzero(np.diff(level, prepend=-1))
        ends = [*starts[1:], len(pull)]
        parts = [slice(int(start), int(end)) for start, end in zip(starts, ends, strict=False)]
        self.blocks = [(rows, confidence[rows], float(np.sqrt(pull[rows][0] * pull[rows][-1]))) for rows in parts]
        self.vectors = START * rng.random((len(pull), factors), np.float32)


def _both(confidence: Confidence) -> tuple[Confidence, Confidence]:
    return confidence, confidence.T.tocsr()


def _weights(confidence: Confidence) -> Floats:
    """What all the cells of a row weigh, those without a pair 1 each: (R,)."""
    return np.asarray(confidence.sum(axis=1)).ravel() + np.float32(confidence.shape[1])

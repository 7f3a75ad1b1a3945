"""Ridge regression of items on items for EASE: all at once, then each item again on its strongest predictors."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.linalg.lapack import sposv, spotrf, spotri
from scipy.sparse import csr_array

from recsys.arrays import Doubles, Floats, Longs
from recsys.errors import BadSettings
from recsys.threads import available_cores

BLOCK = 256  # items processed at once, beside the one big matrix
FEW_USERS = 4  # items a user: from there on a system of the users is far smaller, and needs half as much memory again


@dataclass(frozen=True, slots=True)
class Weights:
    """How far one item predicts another: source, target (P,) positions, value (P,), positive or negative."""

    source: Longs
    target: Longs
    value: Doubles


@dataclass(frozen=True, slots=True)
class RidgeRegression:
    """The regression of items on the H items of the head.

    square (H, H) float32, column-major: above the diagonal the Gram matrix (head.T @ head), below it the inverse
    of the same with a penalty on the diagonal; both are symmetric, so half a matrix is enough for each.
    common, inverse (H,): their diagonals, the first including the penalty.
    """

    square: Floats
    common: Floats
    inverse: Floats

    def strongest(self, start: int, end: int, top_n: int) -> Longs:
        """For each of these items of the head the top_n others with the highest weights.  (end - start, n), n < H."""
        # Steck 2019, eq. 8: B = I - P diag(1 / diag P), so the highest weights are the lowest entries of P.
        below = np.tril(self.square[start:end, start:end], -1)
        left = np.hstack((self.square[start:end, :start], below + below.T))
        column = np.hstack((left, self.square[end:, start:end].T))
        column[np.arange(end - start), np.arange(start, end)] = np.inf
        return _lowest(column, min(top_n, len(self.common) - 1))

    def in_common(self, start: int, end: int) -> Floats:
        """The Gram matrix of these items with the whole head, except with themselves.  (end - start, H)."""
        above = np.triu(self.square[start:end, start:end], 1)
        left = np.hstack((self.square[:start, start:end].T, above + above.T))
        return np.hstack((left, self.square[start:end, end:]))

    def solve(self, source: Longs, common: Floats) -> Floats:
        """The weights of a few items of the head, sorted, that best predict one other item.  (n,), (n,) -> (n,)."""
        n = len(self.common)
        system = np.take(self.square.T.reshape(-1), source[:, None] * n + source)
        np.fill_diagonal(system, self.common[source])
        # The transpose is column-major, as LAPACK wants it, with the Gram half above the diagonal.
        _, weight, _ = sposv(system.T, common, lower=0, overwrite_a=1)
        return np.asarray(weight, np.float32)


def fit_ridge(by_item: csr_array, l2: float, dropout: float) -> RidgeRegression:
    """The regression of H items on each other, from the weights of their users, (H, U) float32.  Needs 4 H^2 bytes.

    Raises BadSettings when l2 is too small for these data.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    square = gram_matrix(by_item)
    penalty = penalties(square.diagonal(), l2, dropout)
    diagonal = (square.diagonal() + penalty).astype(np.float32)
    np.fill_diagonal(square, diagonal)
    with threadpool_limits(limits=available_cores(), user_api="blas"):
        likes = by_item[:, np.flatnonzero(np.diff(by_item.tocsc().indptr))]
        if likes.shape[1] * FEW_USERS <= likes.shape[0]:
            _invert_by_users(square, likes, penalty)
        else:
            square = _invert(square, l2)
    return RidgeRegression(square, diagonal, square.diagonal().copy())


def penalties(square: Floats, l2: float, dropout: float) -> Floats:
    """What is added to the diagonal of the Gram matrix.  (H,) -> (H,)"""
    # Steck 2020, eq. 11: dropping a share p of every history while fitting is a ridge of p / (1 - p) per user.
    return square * (dropout / (1 - dropout)) + l2


def _invert(square: Floats, l2: float) -> Floats:
    """The same matrix (H, H) with its inverse below and on the diagonal; in place, what is above stays."""
    square, failed = spotrf(square, lower=1, clean=0, overwrite_a=1)
    if failed:
        raise BadSettings(f"model ease: l2 = {l2} is too small for these data; try {10 * l2}")
    square, _ = spotri(square, lower=1, overwrite_c=1)
    return square


def _invert_by_users(square: Floats, likes: csr_array, penalty: Floats) -> None:
    """The same where users are few, by a system of their size.  square (H, H), likes (H, U), penalty (H,)

    Woodbury: (X X' + D)^-1 = D^-1 - D^-1 X (I + X' D^-1 X)^-1 X' D^-1.
    """
    scaled = likes.multiply((1 / penalty)[:, None]).tocsr()
    system = (likes.T @ scaled).toarray().astype(np.float64) + np.eye(likes.shape[1])
    root = cholesky(system, lower=True).astype(np.float32)
    spread = solve_triangular(root, scaled.astype(np.float32).toarray().T, lower=True, overwrite_b=True)
    for start, end in _blocks(len(square)):
        inverse = -(spread[:, start:].T @ spread[:, start:end])
        inverse[np.arange(end - start), np.arange(end - start)] += 1 / penalty[start:end]
        above = np.triu(square[start:end, start:end], 1)
        square[start:, start:end] = inverse
        square[start:end, start:end] = np.tril(inverse[: end - start]) + above


def head_weights(ridge: RidgeRegression, top_n: int) -> Weights:
    """The weights (P,) of each item of the head on its top_n strongest predictors, solved again for these alone."""

    def part(start: int, end: int) -> Weights:
        return _solved(ridge, ridge.strongest(start, end, top_n), ridge.in_common(start, end), start)

    return in_blocks(part, len(ridge.common))


def _solved(ridge: RidgeRegression, sources: Longs, common: Floats, first: int) -> Weights:
    """The weights of those sources for items numbered from `first`.  (B, n), (B, H); without common users no weight."""
    sources = np.sort(sources, axis=1)
    shared = np.take_along_axis(common, sources, axis=1)
    value = np.zeros(sources.shape, np.float64)
    for row, (source, target_common) in enumerate(zip(sources, shared, strict=True)):
        filled = np.flatnonzero(target_common)
        if len(filled):
            value[row, filled] = ridge.solve(source[filled], target_common[filled])
    target = np.repeat(np.arange(first, first + len(sources)), sources.shape[1])
    kept = np.flatnonzero(value)
    return Weights(sources.ravel()[kept], target[kept], value.ravel()[kept])


def gram_matrix(by_item: csr_array) -> Floats:
    """by_item @ by_item.T, column-major.  (H, U) -> (H, H)"""
    n = by_item.shape[0]
    gram = np.zeros((n, n), np.float32, order="F")

    def fill(block: tuple[int, int]) -> None:
        start, end = block
        common = (by_item[start:] @ by_item[start:end].T.tocsr()).toarray()
        gram[start:, start:end] = common
        gram[start:end, start:] = common.T

    with ThreadPoolExecutor(available_cores()) as pool:
        list(pool.map(fill, _blocks(n)))
    return gram


def _lowest(values: Floats, top_n: int) -> Longs:
    """Positions of the top_n lowest of each row, in no order.  (B, H) -> (B, min(top_n, H))."""
    kept = min(top_n, values.shape[1])
    if not kept:
        return np.empty((len(values), 0), np.int64)
    return np.argpartition(values, kept - 1, axis=1)[:, :kept].astype(np.int64)


def in_blocks(part: Callable[[int, int], Weights], n: int) -> Weights:
    """The weights of n items, computed block by block on all cores; most of the work is done without the GIL."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(available_cores()) as pool:
        parts = list(pool.map(lambda block: part(*block), _blocks(n)))
    return Weights(
        np.concatenate([np.empty(0, np.int64), *(part.source for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.target for part in parts)]),
        np.concatenate([np.empty(0, np.float64), *(part.value for part in parts)]),
    )


def _blocks(n: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))

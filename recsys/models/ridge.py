"""Predicting items from items by ridge regression: all of them at once, then each from the few that matter."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import sposv, spotrf, spotri
from scipy.sparse import csr_array

from recsys.arrays import Doubles, Floats, Longs
from recsys.errors import BadSettings

BLOCK = 256  # items handled at once beside the one big matrix

Matrix = csr_array  # float32


@dataclass(frozen=True, slots=True)
class Weights:
    """How much one item says about another: source, target (P,) positions, value (P,), for or against."""

    source: Longs
    target: Longs
    value: Doubles


@dataclass(frozen=True, slots=True)
class RidgeRegression:
    """The regression of items on the H items of the head.

    square (H, H) float32, column-major: above the diagonal what items have in common (head.T @ head), below it the
    inverse of the same with a heavier diagonal; both are symmetric, so half a matrix is enough for each.
    common, inverse (H,): their diagonals, the first with the penalty added.
    """

    square: Floats
    common: Floats
    inverse: Floats

    def strongest(self, start: int, end: int, top_n: int) -> Longs:
        """For each of these items of the head the top_n others with the highest weights.  (end - start, top_n)."""
        # Steck 2019, eq. 8: B = I - P diag(1 / diag P), so the highest weights are the lowest entries of P.
        below = np.tril(self.square[start:end, start:end], -1)
        left = np.hstack((self.square[start:end, :start], below + below.T))
        column = np.hstack((left, self.square[end:, start:end].T))
        column[np.arange(end - start), np.arange(start, end)] = np.inf
        return _lowest(column, min(top_n, len(self.common) - 1))

    def in_common(self, start: int, end: int) -> Floats:
        """What these items of the head have in common with all of it, themselves excepted.  (end - start, H)."""
        above = np.triu(self.square[start:end, start:end], 1)
        left = np.hstack((self.square[:start, start:end].T, above + above.T))
        return np.hstack((left, self.square[start:end, end:]))

    def solve(self, source: Longs, common: Floats) -> Floats:
        """The weights of a few items of the head, sorted, that predict one other best.  (n,), (n,) -> (n,)."""
        n = len(self.common)
        system = np.take(self.square.T.reshape(-1), source[:, None] * n + source)
        np.fill_diagonal(system, self.common[source])
        # Turned, it is column-major as LAPACK wants it, and what stands above the diagonal is the common half.
        _, weight, _ = sposv(system.T, common, lower=0, overwrite_a=1)
        return np.asarray(weight, np.float32)


def ridge_of(by_item: Matrix, l2: float, dropout: float) -> RidgeRegression:
    """The regression of H items on each other, from who likes them how much, (H, U).  Takes 4 H^2 bytes.

    Raises BadSettings when l2 is too small for these data.
    """
    square = _gram(by_item)
    # Steck 2020, eq. 11: to drop a share p of every history while learning is a ridge of p / (1 - p) per customer.
    heavier = (square.diagonal() / (1 - dropout) + l2).astype(np.float32)
    np.fill_diagonal(square, heavier)
    with _blas_threads(_cores()):
        # Both leave the half above the diagonal alone, and both work in place.
        square, failed = spotrf(square, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise BadSettings(f"model ease: l2 = {l2} is too small for these data; try {10 * l2}")
        square, _ = spotri(square, lower=1, overwrite_c=1)
    return RidgeRegression(square, heavier, square.diagonal().copy())


def weights_of_head(ridge: RidgeRegression, top_n: int) -> Weights:
    """Each item of the head from the top_n others that the whole regression finds strongest, solved again for those."""

    def part(start: int, end: int) -> Weights:
        return _solved(ridge, ridge.strongest(start, end, top_n), ridge.in_common(start, end), start)

    return _in_blocks(part, len(ridge.common))


def weights_of_tail(ridge: RidgeRegression, by_item: Matrix, tail: Matrix, top_n: int) -> Weights:
    """Each item of the tail, (T, U), from the top_n items of the head, (H, U), most similar to it by cosine.

    Targets are numbered within the tail.
    """
    by_user, length = by_item.T.tocsr(), np.sqrt(ridge.common)

    def part(start: int, end: int) -> Weights:
        common = (tail[start:end] @ by_user).toarray()
        return _solved(ridge, _lowest(common / -length, top_n), common, start)

    return _in_blocks(part, tail.shape[0])


def _solved(ridge: RidgeRegression, sources: Longs, common: Floats, first: int) -> Weights:
    """The weights of those sources for items numbered from `first`.  (B, n), (B, H); nothing in common, no weight."""
    sources = np.sort(sources, axis=1)
    shared = np.take_along_axis(common, sources, axis=1)
    value = np.zeros(sources.shape, np.float64)
    for row, (source, wanted) in enumerate(zip(sources, shared, strict=True)):
        told = np.flatnonzero(wanted)
        if len(told):
            value[row, told] = ridge.solve(source[told], wanted[told])
    target = np.repeat(np.arange(first, first + len(sources)), sources.shape[1])
    kept = np.flatnonzero(value)
    return Weights(sources.ravel()[kept], target[kept], value.ravel()[kept])


def _gram(by_item: Matrix) -> Floats:
    """by_item @ by_item.T, (H, H) column-major."""
    n = by_item.shape[0]
    gram = np.zeros((n, n), np.float32, order="F")

    def fill(block: tuple[int, int]) -> None:
        start, end = block
        common = (by_item[start:] @ by_item[start:end].T.tocsr()).toarray()
        gram[start:, start:end] = common
        gram[start:end, start:] = common.T

    with ThreadPoolExecutor(_cores()) as pool:
        list(pool.map(fill, _blocks(n)))
    return gram


def _lowest(values: Floats, top_n: int) -> Longs:
    """Positions of the top_n lowest of each row, in no order.  (B, H) -> (B, min(top_n, H))."""
    kept = min(top_n, values.shape[1])
    if not kept:
        return np.empty((len(values), 0), np.int64)
    return np.argpartition(values, kept - 1, axis=1)[:, :kept].astype(np.int64)


def _in_blocks(part: Callable[[int, int], Weights], n: int) -> Weights:
    """What `part` finds for n items, a block at a time, on all cores; most of its work is done without the GIL."""
    with _blas_threads(1), ThreadPoolExecutor(_cores()) as pool:
        parts = list(pool.map(lambda block: part(*block), _blocks(n)))
    return Weights(
        np.concatenate([np.empty(0, np.int64), *(part.source for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.target for part in parts)]),
        np.concatenate([np.empty(0, np.float64), *(part.value for part in parts)]),
    )


def _blocks(n: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _blas_threads(n: int) -> AbstractContextManager[object]:
    # Loaded only while fitting: a server never needs it.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[object] = threadpool_limits(limits=n, user_api="blas")
    return limits

"""Array types of the whole project, and a few operations on them.

Axes, everywhere: U users, I items, F factors, Q queries, K results, N events, P (user, item) pairs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse._sparsetools import csc_matvec

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Kinds = NDArray[np.int8]
AnyArray = NDArray[Any]

MAX_INT32 = 2**31 - 1

Ragged = tuple[Longs, Ints, Floats]  # offsets (N + 1,), places (P,), values (P,): row n is offsets[n]:offsets[n + 1]


def top_k(scores: Floats, k: int) -> Ints:
    """Positions of the k highest scores, best first, ties by position.  (I,) -> (min(k, I),) int32."""
    n = len(scores)
    if k >= n:
        return np.lexsort((np.arange(n), -scores)).astype(np.int32)
    if k <= 0:
        return np.empty(0, np.int32)
    kth = np.partition(scores, n - k)[n - k]
    # nonzero() of the array: np.flatnonzero takes three times as long, and this runs in every request.
    above = (scores > kth).nonzero()[0]
    ties = (scores == kth).nonzero()[0][: k - len(above)]
    chosen = np.concatenate((above, ties))
    return chosen[np.lexsort((chosen, -scores[chosen]))].astype(np.int32)


def frozen(array: AnyArray) -> AnyArray:
    """The same array, made read-only."""
    array.flags.writeable = False
    return array


def add_weighted_rows(rows: Ints, weight: Floats, table: Ragged, out: Floats) -> None:
    """Adds rows of a ragged table, each times its weight, to a dense row: out[place] += weight[row] * value.

    rows, weight (P,), each row at most once; out (I,) is changed.
    """
    offsets, place, value = table
    if len(place) > MAX_INT32:
        starts = offsets[rows]
        lengths = offsets[1:][rows] - starts
        at = ranges(starts, lengths)
        np.add.at(out, place[at], value[at] * np.repeat(weight, lengths))
        return
    # The product of a sparse matrix and a vector directly on the mapped table, in a fifth of the time of gathering rows
    # first.  The columns of the matrix are our rows, each followed by a gap; in falling order the gaps are empty.
    order = np.argsort(rows)[::-1]
    falling = rows[order]
    n = len(falling)
    bounds = np.empty(2 * n, np.int32)
    bounds[::2], bounds[1::2] = offsets[falling], offsets[1:][falling]
    weights = np.zeros(2 * n, np.float32)
    weights[::2] = weight[order]
    if n:
        csc_matvec(len(out), 2 * n - 1, bounds, place, value, weights, out)


def is_in_sorted(values: Ints, among: Ints) -> Bools:
    """Which values are among those others, which are sorted.  np.isin takes ten times as long for a list.  (N,)"""
    if not len(among):
        return np.zeros(len(values), np.bool_)
    is_among: Bools = among[np.minimum(np.searchsorted(among, values), len(among) - 1)] == values
    return is_among


def ranges(starts: Longs, lengths: Longs) -> Longs:
    """start, start + 1, … for every start, concatenated.  (P,), (P,) -> (sum of lengths,) int64."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    shift: Longs = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(total, dtype=np.int64) + shift

"""The array types everybody speaks, and the few operations on them that have no better home.

Axes, everywhere: U users, I items, F factors, Q queries, K results, N events, P (user, item) pairs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Kinds = NDArray[np.int8]
AnyArray = NDArray[Any]

DAY_MS = 86_400_000


def top_k(scores: Floats, k: int) -> Ints:
    """Positions of the k highest scores, best first, ties by position.  (I,) -> (min(k, I),) int32."""
    n = len(scores)
    if k >= n:
        return np.lexsort((np.arange(n), -scores)).astype(np.int32)
    if k <= 0:
        return np.empty(0, np.int32)
    kth = np.partition(scores, n - k)[n - k]
    # nonzero() of the array: np.flatnonzero takes three times as long to get there, and this runs with every answer.
    above = (scores > kth).nonzero()[0]
    ties = (scores == kth).nonzero()[0][: k - len(above)]
    chosen = np.concatenate((above, ties))
    return chosen[np.lexsort((chosen, -scores[chosen]))].astype(np.int32)


def frozen(array: AnyArray) -> AnyArray:
    """The same array, read-only from now on."""
    array.flags.writeable = False
    return array


def ranges(starts: Longs, lengths: Longs) -> Longs:
    """start, start + 1, … for every start, one after the other.  (P,), (P,) -> (sum of lengths,) int64."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    shift: Longs = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(total, dtype=np.int64) + shift

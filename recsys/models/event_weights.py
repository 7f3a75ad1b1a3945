"""Weights of events: the automatic half-life by the tempo of the shop, and the saturation of repeats."""

from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from recsys.arrays import Doubles, Floats
from recsys.data.dataset.histories import Histories, UserItemPairs
from recsys.models.hyperparameters import HalfLifeDays

HalfLifeSetting = HalfLifeDays | Literal["auto"]

ENOUGH_ITEMS = 50  # different items that show a user's taste
MIN_REPEATS = 0.1  # of the pairs; below it nothing is chosen twice, so nothing grows old


def shop_tempo_days(histories: Histories) -> float:
    """Days back from now in which the median user chose fifty different items; inf where events do not grow old.

    Events do not grow old where less than a tenth of the (user, item) pairs have events on two days or more (ratings,
    a collection), or where the median user never chose fifty items.  Such shops need all events.
    """
    n_repeated, n_pairs = repeated_pairs(histories)
    return tempo_of(n_repeated, n_pairs, tempo_days(histories) if n_pairs else np.empty(0))


def tempo_of(n_repeated: int, n_pairs: int, days: Doubles) -> float:
    """The tempo from the number of pairs with two days, that of all, and `tempo_days` of all customers, (U,)."""
    if not n_pairs or n_repeated / n_pairs < MIN_REPEATS:
        return np.inf
    # Never 0: today's events always count.
    return max(1.0, float(np.sort(days)[len(days) // 2]))


def repeated_pairs(histories: Histories) -> tuple[int, int]:
    """The number of (user, item) pairs with events on two days or more, and that of all pairs."""
    pairs = histories.pairs()
    return int(np.count_nonzero(np.floor(pairs.last_at) > np.floor(pairs.first_at))), len(pairs.item)


def tempo_days(histories: Histories) -> Doubles:
    """Days back from now in which each user with any event chose fifty different items; inf for fewer.  (<= U,)"""
    pairs = histories.pairs()
    n_items = np.diff(pairs.offsets)
    age = histories.now - pairs.last_at
    order = np.lexsort((age, np.repeat(np.arange(len(n_items)), n_items)))
    reached = np.where(n_items >= ENOUGH_ITEMS, pairs.offsets[:-1] + ENOUGH_ITEMS - 1, 0)
    return np.where(n_items >= ENOUGH_ITEMS, age[order[reached]], np.inf)[n_items > 0]


def half_life_or(setting: HalfLifeSetting, auto_days: float) -> float:
    """The given days, or `auto_days` for `auto`."""
    return auto_days if setting == "auto" else setting


def saturated(weight: Floats, saturation: float) -> Floats:
    """w (s + 1) / (w + s), so 1 stays 1; 0 for what is not positive.  (P,) -> (P,) float32, at most s + 1.

    The smaller s, the less repeats count: 0 counts only the first, inf counts them all.
    """
    # Robertson & Walker 1994, the term-frequency part of BM25 without length normalisation.
    positive = np.maximum(weight, 0)
    if saturation == 0:
        return (positive > 0).astype(np.float32)
    return (positive * ((1 + 1 / saturation) / (1 + positive / saturation))).astype(np.float32)


def saturated_matrix(pairs: UserItemPairs, saturation: float) -> csr_array:
    """The saturated weights above 0, (U, I) float32."""
    matrix = pairs.matrix()
    matrix.data = saturated(pairs.weight, saturation)
    matrix.eliminate_zeros()
    return matrix

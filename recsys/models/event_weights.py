"""Weights of events: the automatic half-life by the tempo of the shop, and the saturation of repeats."""

from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from recsys.arrays import Floats
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
    pairs = histories.pairs()
    if not len(pairs.item) or np.mean(np.floor(pairs.last_at) > np.floor(pairs.first_at)) < MIN_REPEATS:
        return np.inf
    n_items = np.diff(pairs.offsets)
    age = histories.now - pairs.last_at
    order = np.lexsort((age, np.repeat(np.arange(len(n_items)), n_items)))
    reached = np.where(n_items >= ENOUGH_ITEMS, pairs.offsets[:-1] + ENOUGH_ITEMS - 1, 0)
    days = np.where(n_items >= ENOUGH_ITEMS, age[order[reached]], np.inf)[n_items > 0]
    # Never 0: today's events always count.
    return max(1.0, float(np.sort(days)[len(days) // 2]))


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

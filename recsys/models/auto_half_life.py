"""How fast a shop moves: how far back it pays to look, told by its own customers."""

from typing import Literal

import numpy as np

from recsys.data.dataset.histories import Histories
from recsys.models.hyperparameters import HalfLifeDays

HalfLifeSetting = HalfLifeDays | Literal["auto"]

ENOUGH_ITEMS = 50  # different items that tell a customer's taste
LEAST_REPEATS = 0.1  # of the pairs; below it nothing that was chosen is ever chosen anew


def shop_tempo_days(histories: Histories) -> float:
    """Days back from now in which the median customer chose fifty different items; inf where nothing grows stale.

    That is: where less than a tenth of the (customer, item) pairs came on two days or more (ratings, a collection),
    or where the median customer never chose as many.  There all that is known is needed.
    """
    pairs = histories.pairs()
    if not len(pairs.item) or np.mean(np.floor(pairs.last_at) > np.floor(pairs.first_at)) < LEAST_REPEATS:
        return np.inf
    n_items = np.diff(pairs.offsets)
    age = histories.now - pairs.last_at
    order = np.lexsort((age, np.repeat(np.arange(len(n_items)), n_items)))
    reached = np.where(n_items >= ENOUGH_ITEMS, pairs.offsets[:-1] + ENOUGH_ITEMS - 1, 0)
    days = np.where(n_items >= ENOUGH_ITEMS, age[order[reached]], np.inf)[n_items > 0]
    # Never 0: all of today is the least that can be asked for.
    return max(1.0, float(np.sort(days)[len(days) // 2]))


def half_life_or(pace: HalfLifeSetting, usual: float) -> float:
    """The days that were set, or the usual ones for `auto`."""
    return usual if pace == "auto" else pace

""" "Because you bought X": which of a customer's things say most about them."""

from collections.abc import Callable
from typing import Final

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.dataset.histories import Histories
from recsys.data.events import PURCHASE
from recsys.engine.engine import Engine
from recsys.ranking.context.recently_viewed import LOOKS
from recsys.ranking.placements import Each

HALF_LIFE_DAYS = 60.0
LOOKED_THROUGH = 30  # of the best ones; most of them stand in a category that is taken already

MOST: Final = {"bought": 3, "viewed": 1}


def seed_items(history: Histories, each: Each, engine: Engine, nameable: Callable[[Ints], Bools]) -> list[int]:
    """The items to build a row on, best first, at most MOST, no two of one category; nameable: which may be named.

    Bought, or only looked at.  What the customer did often and lately tells more, and what few others want tells more:
    the root of the decayed weight times the logarithm of customers per customer of the item (as tf-idf, Robertson
    2004).  An item that nothing goes with is no ground for a row.
    """
    item, weight = history.item_weights(HALF_LIFE_DAYS)
    kept = (weight > 0) & nameable(item) & (_bought(item, history) if each == "bought" else _only_seen(item, history))
    item, weight = item[kept], weight[kept]
    rarity = np.log1p(max(1, len(engine.users)) / (1.0 + engine.popularity.weight[item].astype(np.float64)))
    order = np.lexsort((item, -np.sqrt(weight) * rarity))[:LOOKED_THROUGH]
    chosen: list[int] = []
    categories: set[int] = set()
    for one in item[order].tolist():
        category = int(engine.category[one])
        if len(chosen) < MOST[each] and (category == 0 or category not in categories) and _leads_on(one, engine):
            chosen.append(one)
            categories.add(category)
    return chosen


def _bought(item: Ints, history: Histories) -> Bools:
    return np.isin(item, history.item[history.kind == PURCHASE])


def _only_seen(item: Ints, history: Histories) -> Bools:
    return np.isin(item, history.item[np.isin(history.kind, LOOKS)]) & ~_bought(item, history)


def _leads_on(item: int, engine: Engine) -> bool:
    models = (engine.item_neighbours, engine.bought_together)
    return any(model is not None and len(model.similar(item, 1)[0]) > 0 for model in models)

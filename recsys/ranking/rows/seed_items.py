"""Seed items of rows such as "Because you bought X": the items that say most about a customer."""

from typing import Final

import numpy as np

from recsys.data.events import PURCHASE
from recsys.engine.engine import Engine
from recsys.ranking.context.context import QueryContext
from recsys.ranking.context.recently_viewed import LOOKS

HALF_LIFE_DAYS = 60.0
LOOKED_THROUGH = 30  # of the best items; most of them are of a category that is taken already

MOST: Final = {"bought": 3, "viewed": 1}


def seed_items(context: QueryContext) -> list[int]:
    """The items to build a row on, best first, at most MOST, no two of one category, bought or only viewed.

    What the customer did often and lately tells more, and what few others want tells more: the root of the decayed
    weight times the logarithm of customers per customer of the item (as tf-idf, Robertson 2004).  An item without
    similar items is left out.
    """
    history, engine, each = context.history, context.engine, context.placement.each
    items, weight = history.item_weights(HALF_LIFE_DAYS)
    mask = (weight > 0) & context.mentionable(items)
    is_bought = np.isin(items, history.item[history.kind == PURCHASE])
    is_viewed = np.isin(items, history.item[np.isin(history.kind, LOOKS)])
    mask &= is_bought if each == "bought" else is_viewed & ~is_bought
    items, weight = items[mask], weight[mask]
    rarity = np.log1p(max(1, len(engine.users)) / (1.0 + engine.popularity.weight[items].astype(np.float64)))
    order = np.lexsort((items, -np.sqrt(weight) * rarity))[:LOOKED_THROUGH]
    seeds: list[int] = []
    categories: set[int] = set()
    for item in items[order].tolist():
        category = int(engine.category[item])
        if len(seeds) < MOST[each] and category not in categories - {0} and _has_similar(item, engine):
            seeds.append(item)
            categories.add(category)
    return seeds


def _has_similar(item: int, engine: Engine) -> bool:
    models = (engine.item_neighbours, engine.bought_together)
    return any(model is not None and len(model.similar(item, 1)[0]) > 0 for model in models)

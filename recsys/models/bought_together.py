"""Bought together: items that share a basket more often than chance; complements, not substitutes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.models.hyperparameters import Count, PositiveAmount
from recsys.models.neighbour_table import NeighbourSearch, NeighbourTable, neighbours_by_blocks
from recsys.models.serialization import StoredFields, require_events

BLOCK = 4_096


@dataclass(frozen=True, slots=True)
class BoughtTogetherModel(StoredFields):
    """Pairs of items by how much more often than chance they share a basket."""

    name: ClassVar[str] = "bought_together"
    NESTED: ClassVar = {"neighbours": ("", NeighbourTable)}
    neighbours: NeighbourTable

    def score(self, histories: Histories) -> Floats:
        """How well each item goes with the items of the history, whatever happened to them and when: a basket."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        for row in range(len(histories)):
            events = histories.item[histories.offsets[row] : histories.offsets[row + 1]]
            item = events[np.flatnonzero(np.diff(events, prepend=-1))]
            self.neighbours.spread(item, np.ones(len(item), np.float32), scores[row])
        return scores

    def score_beside(self, item: int) -> tuple[Ints, Floats]:
        return self.neighbours.row(item)

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        return self.neighbours.nearest(item, k)


@dataclass(frozen=True, slots=True)
class BoughtTogether:
    """min_support: baskets a pair must share.  top_n: neighbours kept of each item.

    shrinkage: as many baskets by pure chance are added to those a pair shares, so that a rare pair is no certainty.
    max_basket: larger baskets are left out; a wholesale order does not show which items go together.
    most_per_customer: newest baskets with an item that one customer counts for.
    """

    min_support: Count = 3
    top_n: Count = 50
    shrinkage: PositiveAmount = 20.0
    max_basket: Count = 500
    most_per_customer: Count = 20

    def fit(
        self, data: Interactions, rng: Generator, search: NeighbourSearch = neighbours_by_blocks
    ) -> BoughtTogetherModel:
        """Raises NotEnoughData without any event; without shared baskets no item has a neighbour."""
        require_events(data)
        baskets = _baskets(data, self)
        sold = np.bincount(baskets.indices, minlength=baskets.shape[1]).astype(np.float64)

        def strength(item: Longs, neighbour: Longs, shared: Doubles) -> Doubles:
            """Log of the shrunk lift: 0 for a pair that meets as often as chance says, and for too few baskets."""
            by_chance = sold[item] * sold[neighbour] / max(baskets.shape[0], 1)
            lift = np.log((shared + self.shrinkage) / (by_chance + self.shrinkage))
            return np.where(shared >= self.min_support, lift, 0.0)

        return BoughtTogetherModel(search(baskets, self.top_n, BLOCK, strength))


def _baskets(data: Interactions, learner: BoughtTogether) -> csr_array:
    """Who is in which basket, (baskets of 2 to max_basket items, I) of ones; without items in too few baskets."""
    histories = data.histories
    bought = np.flatnonzero(histories.kind == int(Kind.PURCHASE))
    cells, at = np.unique(
        data.basket[bought].astype(np.int64) * data.n_items + histories.item[bought], return_index=True
    )
    cells = cells[_is_among_newest(histories, bought[at], learner.most_per_customer)]
    basket, item = np.unique(cells // data.n_items, return_inverse=True)[1], cells % data.n_items
    size = np.bincount(basket)
    sold = np.bincount(item, minlength=data.n_items)
    kept = (size[basket] >= 2) & (size[basket] <= learner.max_basket) & (sold[item] >= learner.min_support)
    row = np.unique(basket[kept], return_inverse=True)[1]
    ones = np.ones(len(row), np.int32)
    return csr_array((ones, (row, item[kept])), shape=(int(row.max(initial=-1)) + 1, data.n_items))


def _is_among_newest(histories: Histories, events: Longs, most: int) -> Bools:
    """Whether each event is among its customer's newest of its item; (N,) -> (N,)."""
    newest_first = np.argsort(-events)  # events stand by customer, item and time
    pair = histories.user[events[newest_first]] * histories.n_items + histories.item[events[newest_first]]
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    nth = np.arange(len(pair)) - np.repeat(starts, np.diff(np.append(starts, len(pair))))
    is_newest = np.empty(len(events), bool)
    is_newest[newest_first] = nth < most
    return is_newest

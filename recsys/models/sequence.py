"""Sequence model: items chosen soon after other items, scored by the order of the last events."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array

from recsys.arrays import Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.hyperparameters import Count, DecayFactor, PositiveAmount, Share
from recsys.models.neighbour_table import NeighbourTable, best_neighbours, concatenated
from recsys.models.serialization import StoredCount, StoredFields, StoredShare, require_events

BLOCK = 4_096  # items processed at once: all pairs of a large log would not fit into memory


@dataclass(frozen=True, slots=True)
class ItemSteps:
    """The events of Q users in chronological order.

    user, item, weight (N,); step (N,): how many moments of its user come before an event; events of one moment
    (a basket) share it.  count (Q,): how many moments each user has.
    """

    user: Longs
    item: Longs
    weight: Floats
    step: Longs
    count: Longs


def item_steps(histories: Histories) -> ItemSteps:
    """The events with a weight above 0 in chronological order; events of one moment are sorted by item."""
    user, kept = histories.user, np.flatnonzero(histories.weight > 0)
    kept = kept[np.lexsort((histories.item[kept], histories.at[kept], user[kept]))]
    user, at = user[kept], histories.at[kept]
    is_first, is_new = np.ones(len(kept), bool), np.ones(len(kept), bool)
    is_first[1:] = user[1:] != user[:-1]
    is_new[1:] = is_first[1:] | (at[1:] != at[:-1])
    moment = np.cumsum(is_new)
    count = np.bincount(user[is_new], minlength=len(histories))
    first = np.repeat(moment[is_first], np.bincount(user, minlength=len(histories))[user[is_first]])
    return ItemSteps(user, histories.item[kept].astype(np.int64), histories.weight[kept], moment - first, count)


@dataclass(frozen=True, slots=True)
class SequenceModel(StoredFields):
    """votes: the items that follow each item, most likely first.

    history_fade: weight of a moment relative to the one after it; max_moments: how many of the last moments count.
    """

    name: ClassVar[str] = "sequence"
    NESTED: ClassVar = {"votes": ("vote_", NeighbourTable)}
    votes: NeighbourTable
    history_fade: StoredShare
    max_moments: StoredCount

    def score(self, histories: Histories) -> Floats:
        """The items that follow the last moments; the last one counts most, only the order matters.  (Q, I)."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        steps = item_steps(histories)
        ago = steps.count[steps.user] - 1 - steps.step
        weight = (self.history_fade**ago).astype(np.float32)
        offsets = np.searchsorted(steps.user, np.arange(len(histories) + 1))
        for row, out in enumerate(scores):
            own = np.arange(offsets[row], offsets[row + 1])
            recent = own[ago[own] < self.max_moments]
            self.votes.spread(steps.item[recent].astype(np.int32), weight[recent], out)
        return scores

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        return self.votes.nearest(item, k)


@dataclass(frozen=True, slots=True)
class Sequence:
    """window: how many events apart two items may be and still count as a pair.

    fade: weight of a pair relative to one a moment closer.  backward: weight of a pair in reverse, from the later
    item to the earlier.  shrinkage: users added to those of each item, so that a single co-occurrence counts little.
    source_power, target_power: penalty of popular items, as the first and as the second of a pair.
    history_fade, max_moments: how a history is read for scoring.  top_n: how many items may follow an item.
    """

    window: Count = 30
    fade: DecayFactor = 0.85
    backward: Share = 0.4
    shrinkage: PositiveAmount = 15.0
    source_power: PositiveAmount = 0.5
    target_power: PositiveAmount = 0.4
    history_fade: DecayFactor = 0.7
    max_moments: Count = 30
    top_n: Count = 200

    def fit(self, data: Interactions, rng: Generator) -> SequenceModel:
        """Raises NotEnoughData without any event.  Without times the order is arbitrary."""
        require_events(data)
        steps = item_steps(data.histories)
        known = np.maximum(np.bincount(steps.item, minlength=data.n_items) + self.shrinkage, 1.0)
        order = np.argsort(steps.item, kind="stable")
        bounds = np.searchsorted(steps.item[order], np.append(np.arange(0, data.n_items, BLOCK), data.n_items))
        parts = [
            self._votes(steps, np.sort(order[first:last]), known, BLOCK * block)
            for block, (first, last) in enumerate(pairwise(bounds.tolist()))
        ]
        return SequenceModel(concatenated(parts), self.history_fade, self.max_moments)

    def _votes(self, steps: ItemSteps, rows: Longs, known: Doubles, start: int) -> NeighbourTable:
        """The items that follow the BLOCK items from `start`.

        rows: the events of these items, ascending.  known (I,): users of each item, shrunk.
        """
        shape = (min(BLOCK, len(known) - start), len(known))
        following = csr_array(shape, dtype=np.float64)
        for apart in range(1, min(self.window, len(steps.item) - 1) + 1):
            following = following + self._pairs_apart(steps, rows, apart, start, shape)
        source = np.repeat(np.arange(shape[0], dtype=np.int64), np.diff(following.indptr)) + start
        target = following.indices.astype(np.int64)
        weight = following.data / (known[source] ** self.source_power * known[target] ** self.target_power)
        return best_neighbours(source, target, weight, n_items=len(known), top_n=self.top_n)

    def _pairs_apart(self, steps: ItemSteps, rows: Longs, apart: int, start: int, shape: tuple[int, int]) -> csr_array:
        """Weights of the pairs of these items with all others, from events so many rows apart."""
        # Windowed co-visitation that fades with the distance, after Garg et al. 2019 (STAN).
        source, target, weight = [], [], []
        for other, direction in ((rows + apart, 1.0), (rows - apart, self.backward)):
            inside = (other >= 0) & (other < len(steps.item))
            own, other = rows[inside], other[inside]
            together = steps.user[own] == steps.user[other]
            own, other = own[together], other[together]
            gap = np.abs(steps.step[other] - steps.step[own])
            # Within one moment there is no earlier and no later event.
            near = np.where(gap > 0, direction * self.fade ** np.maximum(gap - 1, 0), (1 + self.backward) / 2)
            source.append(steps.item[own] - start)
            target.append(steps.item[other])
            weight.append(near)
        pairs = np.concatenate(source), np.concatenate(target)
        return csr_array((np.concatenate(weight), pairs), shape=shape)

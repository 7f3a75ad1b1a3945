"""Neighbour table: the neighbours of every item as one ragged table, built once and applied on every request."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, TypeAlias

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from recsys.arrays import AnyArray, Bools, Doubles, Floats, Ints, Longs, Ragged, add_weighted_rows, ranges
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.data.dataset.histories import Histories
from recsys.kernels import Kernels, Matches
from recsys.models.event_weights import saturated
from recsys.models.serialization import StoredCount, StoredDays, StoredFields, StoredSaturation

Similarity = Callable[[Longs, Longs, Doubles], Doubles]  # items, others, what they have in common: (P,) each -> (P,)
Preferences: TypeAlias = "csr_array | csr_matrix[np.float64]"  # (U, I)


@dataclass(frozen=True, slots=True)
class NeighbourTable(StoredFields):
    """Each item's neighbours, best first, ties by position, never itself; above 0, or of either sign for votes.

    offsets (I + 1,); neighbour, similarity (P,): those of item i stand at offsets[i]:offsets[i + 1].
    """

    offsets: Longs
    neighbour: Ints
    similarity: Floats

    @classmethod
    def specs(cls, names: Collection[str] = (), *, rows: str = "I", columns: str = "I") -> dict[str, ArraySpec]:
        """What each array must be; rows, columns: letters, where the table is not one of items and items."""
        return {
            "offsets": offsets(rows, "P"),
            "neighbour": positions("P", columns),
            "similarity": ArraySpec("P", "float32", rows="offsets", order="falling"),
        }

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def ragged(self) -> Ragged:
        return self.offsets, self.neighbour, self.similarity

    def row(self, item: int) -> tuple[Ints, Floats]:
        """The item's neighbours and their similarity."""
        row = slice(self.offsets[item], self.offsets[item + 1])
        return self.neighbour[row], self.similarity[row]

    def nearest(self, item: int, k: int) -> tuple[Ints, Floats]:
        """The item's up to k best neighbours and their similarity."""
        neighbour, similarity = self.row(item)
        return neighbour[: max(k, 0)], similarity[: max(k, 0)]

    def nearest_of_each(self, items: Sequence[int], k: int) -> list[Ints]:
        """The up to k best neighbours of each item."""
        at = np.array(items)
        starts = self.offsets[at]
        ends = np.minimum(self.offsets[at + 1], starts + max(k, 0))
        neighbour = self.neighbour
        return [neighbour[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def spread(self, item: Ints, weight: Floats, out: Floats) -> None:
        """Adds weight times similarity to every neighbour of those items.  item, weight (P,); out (I,)."""
        add_weighted_rows(item, weight, self.ragged, out)

    def transposed(self, top_n: int) -> "NeighbourTable":
        """For each item those that have it as a neighbour: the top_n most similar of them."""
        n_items = len(self.offsets) - 1
        item = np.repeat(np.arange(n_items, dtype=np.int64), np.diff(self.offsets))
        target = self.neighbour.astype(np.int64)
        return best_neighbours(target, item, self.similarity.astype(np.float64), n_items=n_items, top_n=top_n)


def first_of_each_row(row: Longs | Ints, keys: tuple[AnyArray, ...], *, n_rows: int, most: int) -> tuple[Longs, Longs]:
    """The first `most` entries of each row, where the last of the keys decides first, as for np.lexsort.

    row (P,), keys (P,) each -> positions of these entries, sorted by row and keys; offsets of the rows (n_rows + 1,).
    """
    counts = np.bincount(row, minlength=n_rows)
    kept_counts = np.minimum(counts, most)
    kept = np.lexsort((*keys, row))[ranges(np.cumsum(counts) - counts, kept_counts)]
    return kept, np.concatenate(([0], np.cumsum(kept_counts))).astype(np.int64)


def best_neighbours(item: Longs, neighbour: Longs, similarity: Doubles, *, n_items: int, top_n: int) -> NeighbourTable:
    """The top_n neighbours of each item from triples in any order, (P,) each; a similarity of 0 or less is dropped."""
    kept = (similarity > 0) & (item != neighbour)
    item, neighbour, strength = item[kept], neighbour[kept], similarity[kept].astype(np.float32)
    best, offsets = first_of_each_row(item, (neighbour, -strength), n_rows=n_items, most=top_n)
    return NeighbourTable(offsets, neighbour[best].astype(np.int32), strength[best])


def neighbours_by_blocks(preferences: Preferences, top_n: int, block: int, similarity: Similarity) -> NeighbourTable:
    """The top_n of each item by any similarity, a block of items at a time.  (U, I)

    The product of all items with all others would not fit into memory.
    """
    by_item, n_items = preferences.T.tocsr(), preferences.shape[1]
    return concatenated(
        neighbours_of_block(by_item[start : start + block], preferences, top_n, start, similarity)
        for start in range(0, n_items, block)
    )


def neighbours_of_block(
    rows: Preferences, preferences: Preferences, top_n: int, start: int, similarity: Similarity
) -> NeighbourTable:
    """The same for a few items from `start` on, other items without neighbours.  rows: of their users, (B, U)."""
    common = (rows @ preferences).tocsr()
    item = np.repeat(np.arange(common.shape[0], dtype=np.int64), np.diff(common.indptr)) + start
    other = common.indices.astype(np.int64)
    strength = similarity(item, other, common.data)
    kept = _strong(common.indptr, strength, top_n + 1)  # an item is its own neighbour, too
    return best_neighbours(item[kept], other[kept], strength[kept], n_items=preferences.shape[1], top_n=top_n)


def _strong(offsets: Longs | Ints, strength: Doubles, k: int) -> Longs:
    """Entries that reach the k-th strength of their row: to sort all of them takes ten times as long."""
    is_kept = np.ones(len(strength), bool)
    for start, end in pairwise(offsets.tolist()):
        if end - start > k:
            row = strength[start:end]
            is_kept[start:end] = row >= np.partition(row, len(row) - k)[len(row) - k]
    return np.flatnonzero(is_kept)


def concatenated(parts: Iterable[NeighbourTable]) -> NeighbourTable:
    """One table from tables of different items, in the order of their items."""
    tables = list(parts)
    offsets = np.sum([table.offsets for table in tables], axis=0)
    neighbour = np.concatenate([table.neighbour for table in tables])
    return NeighbourTable(offsets, neighbour, np.concatenate([table.similarity for table in tables]))


def strongest_votes(item: Longs, other: Longs, weight: Doubles, *, n_items: int, max_votes: int) -> NeighbourTable:
    """The max_votes weights of each item that are furthest from 0, for others or against them, highest first."""
    kept = (weight != 0) & (item != other)
    item, other, strength = item[kept], other[kept], weight[kept].astype(np.float32)
    chosen, offsets = first_of_each_row(item, (other, -np.abs(strength)), n_rows=n_items, most=max_votes)
    chosen = chosen[np.lexsort((other[chosen], -strength[chosen], item[chosen]))]
    return NeighbourTable(offsets, other[chosen].astype(np.int32), strength[chosen])


def heaviest(item: Ints, weight: Floats, cap: int) -> tuple[Ints, Floats]:
    """The items of one history with the largest weights, positive or negative, ties by position; at most `cap`."""
    if len(item) <= cap:
        return item, weight
    order = np.argsort(-np.abs(weight), kind="stable")[:cap]
    return item[order], weight[order]


NeighbourSearch = Callable[[Preferences, int, int, Similarity], NeighbourTable]  # see neighbours_by_blocks


@dataclass(frozen=True, slots=True)
class VotingModel(StoredFields):
    """Base of models whose score is a history times a table: the table, and how a history is read, as for fitting."""

    NESTED: ClassVar = {"votes": ("vote_", NeighbourTable)}
    votes: NeighbourTable
    half_life_days: StoredDays
    saturation: StoredSaturation
    max_history: StoredCount

    def score(self, histories: Histories) -> Floats:
        """The history times the table, (Q, I); below 0 where the history votes against an item."""
        item_weights = histories.item_weights_by_user(self.half_life_days)
        scores = np.zeros((len(item_weights), len(self.votes)), np.float32)
        for weights, out in zip(item_weights, scores, strict=True):
            item, weight = heaviest(*weights, self.max_history)
            self.votes.spread(item, saturated(weight, self.saturation), out)
        return scores

    def best_of_rows(self, compiled: Kernels, history: Histories, mask: Bools, k: int) -> Matches:
        settings = (self.max_history, self.saturation)
        weights = history.item_weights(self.half_life_days)
        return compiled.best_of_votes(*weights, *settings, *self.votes.ragged, mask, k)

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        others, weight = self.votes.nearest(item, k)
        n_above = int(np.count_nonzero(weight > 0))
        return others[:n_above], weight[:n_above]

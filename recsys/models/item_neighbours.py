"""Customers who liked this also liked that: item to item over everybody's histories, best on what is not yet bought."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.auto_half_life import HalfLifeSetting, half_life_or, shop_tempo_days
from recsys.models.hyperparameters import Count, PositiveAmount, Share
from recsys.models.neighbour_table import NeighbourTable, best_neighbours, heaviest, joined
from recsys.models.serialization import require_events

BLOCK = 1_024  # items compared at once with all others, where the library cannot
BM25_SATURATION, BM25_LENGTH = 1.2, 0.75  # Robertson & Zaragoza 2009, section 3.5: the usual k1 and b

Similarity = Callable[[Longs, Longs, Doubles], Doubles]  # items, others, what they have in common: (P,) each -> (P,)


@dataclass(frozen=True, slots=True)
class ItemNeighboursModel:
    """neighbours: the most similar items of each.  votes: the same pairs from the other side, for scoring.

    An item is scored by those of the history that are among its own best neighbours; the other way round, by the
    neighbours of the history's items, rare items are hardly ever reached and ratings are ranked clearly worse.
    history_*: how a history is read when asked: half-life, power of the weights, and how many items count.
    own_vote: how much an item of the history speaks for itself.
    """

    name: ClassVar[str] = "item_neighbours"
    neighbours: NeighbourTable
    votes: NeighbourTable
    history_half_life_days: float
    history_power: float
    max_history: int
    own_vote: float

    def score(self, histories: Histories) -> Floats:
        """Similarity to the customer's items, each by its weight; what was returned or dismissed counts against."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        for weighed, row in zip(histories.item_weights_by_user(self.history_half_life_days), scores, strict=True):
            item, weight = heaviest(*weighed, self.max_history)
            strength = np.copysign(np.abs(weight) ** np.float32(self.history_power), weight)
            self.votes.spread(item, strength, row)
            row[item] += strength * np.float32(self.own_vote)
        return scores

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        return self.neighbours.of(item, k)

    def arrays(self) -> Mapping[str, AnyArray]:
        return {
            **self.neighbours.arrays("similar_"),
            **self.votes.arrays("vote_"),
            "history_half_life_days": np.asarray(self.history_half_life_days),
            "history_power": np.asarray(self.history_power),
            "max_history": np.asarray(self.max_history),
            "own_vote": np.asarray(self.own_vote),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(
            NeighbourTable.from_arrays(arrays, "similar_"),
            NeighbourTable.from_arrays(arrays, "vote_"),
            float(arrays["history_half_life_days"]),
            float(arrays["history_power"]),
            int(arrays["max_history"]),
            float(arrays["own_vote"]),
        )


@dataclass(frozen=True, slots=True)
class ItemNeighbours:
    """weighting: of a customer's weight for an item, before items are compared by `similarity`.

    similarity: cosine, or what two items have in common as a share of what either has (Jaccard; of weights Tanimoto).
    asymmetry: of the cosine; .5 treats both items alike, below it a neighbour that many have is held back more than the
    item itself, at 0 it is the chance that who has the neighbour has the item, at 1 the other way round.
    top_n: neighbours kept of each item.  shrinkage: added to the square of every item's length, or to what either of
    two has, so that two items with one buyer in common are not each other's best; in units of one customer with the
    usual weight.
    half_life_days: of an event while learning; history_half_life_days, history_power, max_history: how a history is
    read when asked.  `auto` is one and a half of the shop's tempo.
    min_customers: an item with fewer has no neighbours.  max_votes: how many items one of the history may speak for,
    which bounds the time of an answer.  own_vote: how similar an item is to itself; above 0 it may come again, which
    matters only where a list does not hide what was bought.
    """

    weighting: Literal["cosine", "bm25", "tfidf"] = "bm25"
    similarity: Literal["cosine", "jaccard"] = "cosine"
    asymmetry: Share = 0.5
    top_n: Count = 50
    shrinkage: PositiveAmount = 50.0
    half_life_days: HalfLifeSetting = "auto"
    history_half_life_days: HalfLifeSetting = "auto"
    history_power: PositiveAmount = 0.5
    max_history: Count = 100
    min_customers: Count = 2
    max_votes: Count = 300
    own_vote: PositiveAmount = 1.0

    def fit(self, data: Interactions, rng: Generator) -> ItemNeighboursModel:
        """Raises NotEnoughData without any event.  Which of equal neighbours falls at the cut is not promised."""
        require_events(data)
        usual = 1.5 * shop_tempo_days(data.histories)
        tastes = _tastes(data.histories, half_life_or(self.half_life_days, usual), self.min_customers)
        tastes.data = _weighted(tastes, self.weighting)
        neighbours = self._compared(tastes)
        return ItemNeighboursModel(
            neighbours,
            neighbours.turned(self.max_votes),
            half_life_or(self.history_half_life_days, usual),
            self.history_power,
            self.max_history,
            self.own_vote,
        )

    def _compared(self, tastes: "csr_matrix[np.float64]") -> NeighbourTable:
        """Each item's best neighbours; the weights of (U, I) tastes may be overwritten."""
        square = np.square(tastes.data)
        shrinkage = self.shrinkage * (square.mean() if len(square) else 0.0)
        size = _sums(tastes.indices, square, tastes.shape[1])
        if self.similarity == "jaccard":
            size += shrinkage / 2
            return _by_blocks(tastes, self.top_n, lambda i, j, common: common / (size[i] + size[j] - common))
        size += shrinkage
        if self.asymmetry == 0.5:
            tastes.data /= np.sqrt(size)[tastes.indices]
            return _most_similar(tastes, self.top_n)
        # Aiolli 2013, eq. 3: |i|^(2 a) |j|^(2 (1 - a)) under what they have in common.
        mine, theirs = size**self.asymmetry, size ** (1 - self.asymmetry)
        return _by_blocks(tastes, self.top_n, lambda i, j, common: common / (mine[i] * theirs[j]))


def _tastes(histories: Histories, half_life_days: float, min_customers: int) -> "csr_matrix[np.float64]":
    """What each customer likes, (U, I) float64, only positive weights and items with enough customers."""
    pairs = histories.pairs(half_life_days)
    liked = pairs.weight > 0
    customers = np.bincount(pairs.item[liked], minlength=pairs.n_items)
    kept = liked & (customers[pairs.item] >= min_customers)
    offsets = np.concatenate(([0], np.cumsum(kept)))[pairs.offsets]
    # implicit reads int32 positions and float64 values only, as a matrix and not as an array.
    parts = (pairs.weight[kept].astype(np.float64), pairs.item[kept].astype(np.int32), offsets.astype(np.int32))
    return csr_matrix(parts, shape=(len(histories), pairs.n_items))


def _weighted(tastes: "csr_matrix[np.float64]", weighting: str) -> Doubles:
    """The values of the matrix by that scheme: rare items tell more, the hundredth purchase tells less.  (P,)"""
    n_users, n_items = tastes.shape
    if weighting == "cosine":
        return tastes.data
    customers = np.bincount(tastes.indices, minlength=n_items)
    rarity = np.log1p(n_users / np.maximum(customers, 1))[tastes.indices]
    if weighting == "tfidf":
        return np.sqrt(tastes.data) * rarity
    row = np.repeat(np.arange(n_users, dtype=np.int64), np.diff(tastes.indptr))
    total = _sums(row, tastes.data, n_users)
    relative = total[row] / max(total.mean(), np.finfo(np.float64).tiny)
    saturation = BM25_SATURATION * (1 - BM25_LENGTH + BM25_LENGTH * relative)
    weighted: Doubles = tastes.data * (BM25_SATURATION + 1) / (saturation + tastes.data) * rarity
    return weighted


def _sums(position: Ints | Longs, value: Doubles, n: int) -> Doubles:
    """Sum of the values at each of n positions, (n,)."""
    return np.bincount(position, value, minlength=n).astype(np.float64)


def _most_similar(tastes: "csr_matrix[np.float64]", top_n: int) -> NeighbourTable:
    """The top_n of tastes.T @ tastes row by row, so the whole product never exists."""
    from implicit.nearest_neighbours import all_pairs_knn

    n_items = tastes.shape[1]
    # One more than asked, for an item is its own best neighbour; rows with fewer are padded with similarity 0.
    found = all_pairs_knn(tastes, min(top_n + 1, n_items), show_progress=False)
    return best_neighbours(found.row, found.col, found.data, n_items=n_items, top_n=top_n)


def _by_blocks(tastes: "csr_matrix[np.float64]", top_n: int, similarity: Similarity) -> NeighbourTable:
    """The top_n of each item by any similarity, a block of items at a time.  (U, I)"""
    by_item, n_items = tastes.T.tocsr(), tastes.shape[1]

    def best(start: int) -> NeighbourTable:
        common = (by_item[start : start + BLOCK] @ tastes).tocoo()
        item, other = common.row.astype(np.int64) + start, common.col.astype(np.int64)
        return best_neighbours(item, other, similarity(item, other, common.data), n_items=n_items, top_n=top_n)

    return joined(best(start) for start in range(0, n_items, BLOCK))

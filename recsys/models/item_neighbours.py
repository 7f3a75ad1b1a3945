"""Item neighbours: item-to-item collaborative filtering, "users who liked this also liked that"."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from recsys.arrays import Doubles, Floats, Ints
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.event_weights import HalfLifeSetting, half_life_or, shop_tempo_days
from recsys.models.hyperparameters import Count, PositiveAmount, Share
from recsys.models.neighbour_table import (
    NeighbourSearch,
    NeighbourTable,
    best_neighbours,
    heaviest,
    neighbours_by_blocks,
)
from recsys.models.serialization import StoredCount, StoredDays, StoredFields, require_events

BLOCK = 1_024  # items compared at once with all others, where the library cannot do it
MOST_NEIGHBOURS, FEWEST_NEIGHBOURS, MOST_PAIRS = 200, 50, 4_000_000  # of `auto`; of all items 32 MB, twice in a bundle
BM25_SATURATION, BM25_LENGTH = 1.2, 0.75  # Robertson & Zaragoza 2009, section 3.5: the usual k1 and b


@dataclass(frozen=True, slots=True)
class ItemNeighboursModel(StoredFields):
    """neighbours: the most similar items of each item.  votes: the same pairs in the other direction, for scoring.

    An item is scored by the items of the history that are among its own best neighbours.  The other direction, the
    neighbours of the history's items, hardly ever reaches rare items and ranks ratings clearly worse.
    history_half_life_days, history_power, max_history: how a history is read for scoring: half-life, power of the
    weights, and how many items count.  own_vote: how much an item of the history votes for itself.
    """

    name: ClassVar[str] = "item_neighbours"
    NESTED: ClassVar = {"neighbours": ("similar_", NeighbourTable), "votes": ("vote_", NeighbourTable)}
    neighbours: NeighbourTable
    votes: NeighbourTable
    history_half_life_days: StoredDays
    history_power: Annotated[float, ArraySpec(low=0, high=10)]
    max_history: StoredCount
    own_vote: float

    def score(self, histories: Histories) -> Floats:
        """Similarity to the user's items, each by its weight; returned and dismissed items count against."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        for weights, row in zip(histories.item_weights_by_user(self.history_half_life_days), scores, strict=True):
            item, weight = heaviest(*weights, self.max_history)
            strength = np.copysign(np.abs(weight) ** np.float32(self.history_power), weight)
            self.votes.spread(item, strength, row)
            row[item] += strength * np.float32(self.own_vote)
        return scores

    def score_beside(self, item: int) -> tuple[Ints, Floats]:
        return self.votes.row(item)

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        return self.neighbours.nearest(item, k)


@dataclass(frozen=True, slots=True)
class ItemNeighbours:
    """weighting: of a user's weight for an item, before items are compared by `similarity`.

    similarity: cosine, or what two items have in common as a share of what either has (Jaccard; of weights Tanimoto).
    asymmetry: of the cosine.  0.5 treats both items alike; below it a popular neighbour counts less than a popular
    item; 0 is the probability that a user of the neighbour has the item, 1 the probability in the other direction.
    top_n: neighbours kept of each item; `auto` is 200, and fewer with more than 20,000 items, down to 50.
    shrinkage: added to the square of every item's length, or to what either of two has, so that one common buyer does
    not make two items best neighbours; in units of one user of average weight.
    half_life_days: of an event when fitting; history_half_life_days, history_power, max_history: how a history is
    read for scoring.  `auto` is one and a half times the shop's tempo.
    min_customers: an item with fewer users has no neighbours.  max_votes: how many items an item of the history may
    vote for, which bounds the time of a request.  own_vote: how similar an item is to itself; above 0 it may be
    recommended again, which matters only for lists that do not hide bought items.
    """

    weighting: Literal["cosine", "bm25", "tfidf"] = "bm25"
    similarity: Literal["cosine", "jaccard"] = "cosine"
    asymmetry: Share = 0.5
    top_n: Count | Literal["auto"] = "auto"
    shrinkage: PositiveAmount = 50.0
    half_life_days: HalfLifeSetting = "auto"
    history_half_life_days: HalfLifeSetting = "auto"
    history_power: PositiveAmount = 0.5
    max_history: Count = 100
    min_customers: Count = 2
    max_votes: Count = 300
    own_vote: PositiveAmount = 1.0

    def fit(self, data: Interactions, rng: Generator, search: NeighbourSearch | None = None) -> ItemNeighboursModel:
        """Raises NotEnoughData without any event.  Which of several equal neighbours is cut off is not defined.

        search: finds the best neighbours by any similarity; default: the fastest way in this process.
        """
        require_events(data)
        auto_days = 1.5 * shop_tempo_days(data.histories)
        preferences = _preferences(data.histories, half_life_or(self.half_life_days, auto_days), self.min_customers)
        preferences.data = _weighted(preferences, self.weighting)
        neighbours = self._nearest_items(preferences, search)
        return ItemNeighboursModel(
            neighbours,
            neighbours.transposed(self.max_votes),
            half_life_or(self.history_half_life_days, auto_days),
            self.history_power,
            self.max_history,
            self.own_vote,
        )

    def n_neighbours(self, n_items: int) -> int:
        """Neighbours kept of each of so many items."""
        if self.top_n != "auto":
            return self.top_n
        return max(FEWEST_NEIGHBOURS, min(MOST_NEIGHBOURS, MOST_PAIRS // max(1, n_items)))

    def _nearest_items(self, preferences: "csr_matrix[np.float64]", search: NeighbourSearch | None) -> NeighbourTable:
        """Each item's best neighbours; the weights of (U, I) preferences may be overwritten."""
        from implicit.nearest_neighbours import all_pairs_knn

        square, top_n = np.square(preferences.data), self.n_neighbours(preferences.shape[1])
        shrinkage = self.shrinkage * (square.mean() if len(square) else 0.0)
        size = np.bincount(preferences.indices, square, preferences.shape[1]).astype(np.float64)
        if self.similarity == "jaccard":
            size += shrinkage / 2
            return (search or neighbours_by_blocks)(
                preferences, top_n, BLOCK, lambda i, j, common: common / (size[i] + size[j] - common)
            )
        size += shrinkage
        if self.asymmetry == 0.5 and search is None:
            preferences.data /= np.sqrt(size)[preferences.indices]
            n_items = preferences.shape[1]
            # One more than top_n, because an item is its own best neighbour; rows with fewer are padded with 0.
            nearest = all_pairs_knn(preferences, min(top_n + 1, n_items), show_progress=False)
            return best_neighbours(nearest.row, nearest.col, nearest.data, n_items=n_items, top_n=top_n)
        # Aiolli 2013, eq. 3: common weight over |i|^(2 a) |j|^(2 (1 - a)).
        own, other = size**self.asymmetry, size ** (1 - self.asymmetry)
        return (search or neighbours_by_blocks)(
            preferences, top_n, BLOCK, lambda i, j, common: common / (own[i] * other[j])
        )


def _preferences(histories: Histories, half_life_days: float, min_customers: int) -> "csr_matrix[np.float64]":
    """Preferences of each user, (U, I) float64, only positive weights and items with enough users."""
    pairs = histories.pairs(half_life_days)
    liked = pairs.weight > 0
    customers = np.bincount(pairs.item[liked], minlength=pairs.n_items)
    kept = liked & (customers[pairs.item] >= min_customers)
    offsets = np.concatenate(([0], np.cumsum(kept)))[pairs.offsets]
    # implicit reads int32 positions and float64 values only, as a matrix and not as an array.
    parts = (pairs.weight[kept].astype(np.float64), pairs.item[kept].astype(np.int32), offsets.astype(np.int32))
    return csr_matrix(parts, shape=(len(histories), pairs.n_items))


def _weighted(preferences: "csr_matrix[np.float64]", weighting: str) -> Doubles:
    """The values of the matrix by that scheme: rare items count more, the hundredth purchase counts less.  (P,)"""
    n_users, n_items = preferences.shape
    if weighting == "cosine":
        return preferences.data
    customers = np.bincount(preferences.indices, minlength=n_items)
    rarity = np.log1p(n_users / np.maximum(customers, 1))[preferences.indices]
    if weighting == "tfidf":
        return np.sqrt(preferences.data) * rarity
    row = np.repeat(np.arange(n_users, dtype=np.int64), np.diff(preferences.indptr))
    total = np.bincount(row, preferences.data, n_users)
    relative = total[row] / max(total.mean(), np.finfo(np.float64).tiny)
    saturation = BM25_SATURATION * (1 - BM25_LENGTH + BM25_LENGTH * relative)
    weighted: Doubles = preferences.data * (BM25_SATURATION + 1) / (saturation + preferences.data) * rarity
    return weighted

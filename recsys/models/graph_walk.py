"""A walk of three steps, from a customer to their items, to others who have these, to what those have besides."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from recsys.arrays import Doubles, Floats, Ints
from recsys.data.dataset.histories import Histories, UserItemPairs
from recsys.data.dataset.interactions import Interactions
from recsys.models.hyperparameters import Count, HalfLifeDays, PositiveAmount
from recsys.models.neighbour_table import NeighbourTable, Voting, strongest_votes
from recsys.models.saturation import saturated
from recsys.models.serialization import require_events


@dataclass(frozen=True, slots=True)
class GraphWalkModel(Voting):
    """votes: where the two steps from each item lead, most likely first.

    half_life_days, saturation, max_history: how a history is read when asked, as while learning.
    """

    name: ClassVar[str] = "graph_walk"

    def score(self, histories: Histories) -> Floats:
        """How often the walk ends at each item, bestsellers held back, up to a factor of the customer.  (Q, I)."""
        return self.votes.scored(histories.item_weights_by_user(self.half_life_days), self.saturation, self.max_history)

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        return self.votes.of(item, k)


@dataclass(frozen=True, slots=True)
class GraphWalk:
    """alpha: power of every step's chance; below 1 the walk strays further.  beta: how far bestsellers are held back.

    top_n: from how many items each can be reached.  max_votes: how many items one of the history may lead to; with
    max_history, how many items of a history count, it bounds the time of an answer.  half_life_days: how fast an event
    fades.  saturation: repeats beyond the first say less the smaller it is; 0 only asks whether.
    """

    alpha: PositiveAmount = 0.5
    beta: PositiveAmount = 0.4
    top_n: Count = 200
    max_votes: Count = 200
    max_history: Count = 300
    half_life_days: HalfLifeDays = np.inf
    saturation: PositiveAmount = 0.5

    def fit(self, data: Interactions, rng: Generator) -> GraphWalkModel:
        """Raises NotEnoughData without any event.  Which of equal items falls at the cut is not promised."""
        require_events(data)
        pairs = data.histories.pairs(self.half_life_days)
        votes = self._votes(pairs, saturated(pairs.weight, self.saturation).astype(np.float64))
        return GraphWalkModel(votes, self.half_life_days, self.saturation, self.max_history)

    def _votes(self, pairs: UserItemPairs, weight: Doubles) -> NeighbourTable:
        """Paudel et al. 2017, eq. 4 and 5: (x_ui / d_i)^alpha (x_uj / d_u)^alpha, summed over u, over d_j^beta."""
        from implicit.nearest_neighbours import all_pairs_knn

        n_users = len(pairs.offsets) - 1
        user = np.repeat(np.arange(n_users, dtype=np.int32), np.diff(pairs.offsets))
        of_user = _degrees(user, weight, n_users)
        of_item = _degrees(pairs.item, weight, pairs.n_items)
        # The library compares a matrix with itself: half the steps' factors go to either side, and for each target
        # all factors of the source must be in, for they decide who is kept; those of the target may wait.
        half = weight**self.alpha / (of_user[user] ** (self.alpha / 2) * of_item[pairs.item] ** self.alpha)
        steps = csr_matrix((half, pairs.item, pairs.offsets.astype(np.int32)), shape=(n_users, pairs.n_items))
        steps.eliminate_zeros()
        # One more than asked, for an item leads to itself.
        found = all_pairs_knn(steps, min(self.top_n + 1, pairs.n_items), show_progress=False)
        chance = found.data * of_item[found.row] ** (self.alpha - self.beta)
        return strongest_votes(
            found.col.astype(np.int64),
            found.row.astype(np.int64),
            chance,
            n_items=pairs.n_items,
            max_votes=self.max_votes,
        )


def _degrees(position: Ints, weight: Doubles, n: int) -> Doubles:
    """The sum of weights at each of n positions, 1 where there is none.  (n,)"""
    degree = np.bincount(position, weight, minlength=n)
    return np.where(degree > 0, degree, 1.0)

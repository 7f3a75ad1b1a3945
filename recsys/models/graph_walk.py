"""Graph walk (RP3-beta): a random walk from a user's items to other users of these, and on to their items."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix

from recsys.arrays import Doubles, Ints, Longs
from recsys.data.dataset.histories import UserItemPairs
from recsys.data.dataset.interactions import Interactions
from recsys.models.event_weights import saturated
from recsys.models.hyperparameters import Count, HalfLifeDays, PositiveAmount
from recsys.models.neighbour_table import NeighbourTable, VotingModel, strongest_votes
from recsys.models.serialization import require_events

AUTO_BETA = 0.4


@dataclass(frozen=True, slots=True)
class GraphWalkModel(VotingModel):
    """votes: the items that two steps from each item lead to, most likely first.

    A score is how often the walk ends at the item, less for best-sellers, up to a factor of the user.
    """

    name: ClassVar[str] = "graph_walk"


@dataclass(frozen=True, slots=True)
class GraphWalk:
    """alpha: power of the probability of each step; below 1 the walk strays further.  beta: penalty of best-sellers;
    `auto` is .4 until a training finds a better one.

    top_n: from how many items each item can be reached.  max_votes: how many items an item of the history may lead to.
    max_history: how many items of a history count; both bound the time of a request.  half_life_days: how fast an event
    fades.  saturation: the smaller it is, the less repeats count; 0 counts only the first.
    """

    alpha: PositiveAmount = 0.5
    beta: PositiveAmount | Literal["auto"] = "auto"
    top_n: Count = 200
    max_votes: Count = 200
    max_history: Count = 300
    half_life_days: HalfLifeDays = np.inf
    saturation: PositiveAmount = 0.5

    def fit(self, data: Interactions, rng: Generator) -> GraphWalkModel:
        """Raises NotEnoughData without any event.  Which of several equal items is cut off is not defined."""
        require_events(data)
        pairs = data.histories.pairs(self.half_life_days)
        votes = self._votes(pairs, saturated(pairs.weight, self.saturation).astype(np.float64))
        return GraphWalkModel(votes, self.half_life_days, self.saturation, self.max_history)

    def _votes(self, pairs: UserItemPairs, weight: Doubles) -> NeighbourTable:
        """Paudel et al. 2017, eq. 4 and 5: (x_ui / d_i)^alpha (x_uj / d_u)^alpha, summed over u, over d_j^beta."""
        from implicit.nearest_neighbours import all_pairs_knn

        n_users, user = len(pairs.offsets) - 1, pairs.user
        of_user = _degrees(user, weight, n_users)
        of_item = _degrees(pairs.item, weight, pairs.n_items)
        # The library compares a matrix with itself: half of the factors of the steps go to either side.  All factors of
        # the source must be in, because they decide which items are kept; those of the target can follow later.
        half = weight**self.alpha / (of_user[user] ** (self.alpha / 2) * of_item[pairs.item] ** self.alpha)
        steps = csr_matrix((half, pairs.item, pairs.offsets.astype(np.int32)), shape=(n_users, pairs.n_items))
        steps.eliminate_zeros()
        # One more than top_n, because an item leads to itself.
        nearest = all_pairs_knn(steps, min(self.top_n + 1, pairs.n_items), show_progress=False)
        beta = AUTO_BETA if self.beta == "auto" else self.beta
        probability = nearest.data * of_item[nearest.row] ** (self.alpha - beta)
        return strongest_votes(nearest.col, nearest.row, probability, n_items=pairs.n_items, max_votes=self.max_votes)


def _degrees(position: Ints | Longs, weight: Doubles, n: int) -> Doubles:
    """The sum of weights at each of n positions, 1 where there is none.  (n,)"""
    degree = np.bincount(position, weight, minlength=n)
    return np.where(degree > 0, degree, 1.0)

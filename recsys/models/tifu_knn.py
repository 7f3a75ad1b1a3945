"""TIFU-KNN: next-basket prediction from item frequencies that fade basket by basket, and from similar users."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array

from recsys.arrays import Floats, Ints, Longs, ranges, top_k
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.models.hyperparameters import Count, DecayFactor, Share
from recsys.models.sequence import item_steps
from recsys.models.serialization import StoredCount, StoredFields, StoredShare, require_events


@dataclass(frozen=True, slots=True)
class TifuKnnModel(StoredFields):
    """Scores from a history alone; it does not need to know the user.

    item_offsets (I + 1,), owner, owner_weight (P,): which users' vectors hold an item, and with which weight.
    user_offsets (U + 1,), item, weight (P,): the same vectors by user; length (U,): their squared lengths.
    The other fields are those of the learner: how a history becomes a vector, and how much the neighbours count.
    """

    name: ClassVar[str] = "tifu_knn"
    item_offsets: Annotated[Longs, offsets("I", "P")]
    owner: Annotated[Ints, positions("P", "U")]
    owner_weight: Annotated[Floats, ArraySpec("P")]
    user_offsets: Annotated[Longs, offsets("U", "P")]
    item: Annotated[Ints, positions("P", "I")]
    weight: Annotated[Floats, ArraySpec("P")]
    length: Annotated[Floats, ArraySpec("U", low=0)]
    top_n: StoredCount
    own_share: StoredShare
    basket_fade: StoredShare
    group_fade: StoredShare
    groups: StoredCount

    def score(self, histories: Histories) -> Floats:
        """own_share of the user's own vector and the rest of the mean of the neighbours, (Q, I)."""
        own = basket_vectors(histories, self.basket_fade, self.group_fade, self.groups)
        scores = np.zeros(own.shape, np.float32)
        for row, out in enumerate(scores):
            span = slice(own.indptr[row], own.indptr[row + 1])
            item, weight = own.indices[span], own.data[span]
            near = self._nearest(item, weight)
            if len(near):
                at = ranges(self.user_offsets[near], self.user_offsets[near + 1] - self.user_offsets[near])
                share = np.float32((1 - self.own_share) / len(near))
                out += np.bincount(self.item[at], self.weight[at] * share, minlength=len(out)).astype(np.float32)
            out[item] += weight * np.float32(self.own_share)
        return scores

    def _nearest(self, item: Ints, weight: Floats) -> Ints:
        """The users with the smallest Euclidean distance to one vector, of those who share an item with it."""
        start = self.item_offsets[item]
        lengths = self.item_offsets[1:][item] - start
        at = ranges(start, lengths)
        product = np.bincount(self.owner[at], np.repeat(weight, lengths) * self.owner_weight[at], len(self.length))
        sharing = np.flatnonzero(product)
        nearness = (2 * product[sharing] - self.length[sharing]).astype(np.float32)
        return sharing[top_k(nearness, self.top_n)].astype(np.int32)


@dataclass(frozen=True, slots=True)
class TifuKnn:
    """TIFU-KNN, for shops where users buy the same items again.  A basket is what a user chose at one moment.

    top_n: number of neighbours.  own_share: weight of the user's own baskets against those of the neighbours.
    basket_fade: weight of a basket relative to the next one in its group; group_fade: of a group relative to the next;
    groups: how many groups of equally many baskets a history is split into; the first may hold fewer.
    """

    top_n: Count = 300
    own_share: Share = 0.7
    basket_fade: DecayFactor = 0.9
    group_fade: DecayFactor = 0.7
    groups: Count = 7

    def fit(self, data: Interactions, rng: Generator) -> TifuKnnModel:
        require_events(data)
        by_user = basket_vectors(data.histories, self.basket_fade, self.group_fade, self.groups)
        by_item = by_user.T.tocsr()
        user = np.repeat(np.arange(data.n_users), np.diff(by_user.indptr))
        return TifuKnnModel(
            item_offsets=by_item.indptr.astype(np.int64),
            owner=by_item.indices.astype(np.int32),
            owner_weight=by_item.data,
            user_offsets=by_user.indptr.astype(np.int64),
            item=by_user.indices.astype(np.int32),
            weight=by_user.data,
            length=np.bincount(user, by_user.data.astype(np.float64) ** 2, minlength=data.n_users).astype(np.float32),
            top_n=self.top_n,
            own_share=self.own_share,
            basket_fade=self.basket_fade,
            group_fade=self.group_fade,
            groups=self.groups,
        )


def basket_vectors(histories: Histories, basket_fade: float, group_fade: float, groups: int) -> csr_array:
    """Item frequencies of each user, fading basket by basket and group by group.  (Q, I) float32, sorted."""
    # Hu et al. 2020, section 4.1: the mean over a group's baskets of r_b^age, then over the groups of r_g^age.
    steps = item_steps(histories)
    count = steps.count[steps.user]
    size = -(-count // groups)
    n_groups = -(-count // size)
    ago = count - 1 - steps.step
    group, inside = ago // size, ago % size
    held = np.minimum(size, count - group * size)
    value = steps.weight * basket_fade**inside * group_fade**group / (held * n_groups)
    shape = (len(histories), histories.n_items)
    vectors = csr_array((value.astype(np.float32), (steps.user, steps.item)), shape=shape)
    vectors.sum_duplicates()
    return vectors

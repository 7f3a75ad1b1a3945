"""User neighbours: similar users vote with their recent purchases (user-based collaborative filtering)."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.random import Generator

from recsys import kernels
from recsys.arrays import Bools, Floats, Ints, Longs, add_weighted_rows
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.data.dataset.histories import Histories, UserItemPairs
from recsys.data.dataset.interactions import Interactions
from recsys.kernels import Kernels, Matches
from recsys.models.base import Fold
from recsys.models.candidates import ranked
from recsys.models.event_weights import ENOUGH_ITEMS, HalfLifeSetting, half_life_or, saturated, shop_tempo_days
from recsys.models.hyperparameters import Count, PositiveAmount
from recsys.models.neighbour_table import first_of_each_row, heaviest
from recsys.models.popularity import strongest_events
from recsys.models.serialization import (
    StoredCount,
    StoredDays,
    StoredFields,
    StoredSaturation,
    require_events,
)

SMALLEST = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True)
class UserNeighboursModel(StoredFields):
    """Scores from a history alone; it does not need to know the user.

    item_weight (I,): how much an item says about its users.
    owner_offsets (I + 1,), owner, owner_weight (P,): the users of each item, strongest first.  The weights of a user
    are divided by a power of their length; they are not divided where `squares` is not empty.
    recent_offsets (U + 1,), recent_item, recent_weight (R,): recent items of each user, newer ones weigh more.
    squares (U,): sum of the squared weights of each user, where users are compared by Jaccard; else (0,).
    """

    name: ClassVar[str] = "user_neighbours"
    item_weight: Annotated[Floats, ArraySpec("I", low=0)]
    owner_offsets: Annotated[Longs, offsets("I", "P")]
    owner: Annotated[Ints, positions("P", "U")]
    owner_weight: Annotated[Floats, ArraySpec("P")]
    recent_offsets: Annotated[Longs, offsets("U", "R")]
    recent_item: Annotated[Ints, positions("R", "I")]
    recent_weight: Annotated[Floats, ArraySpec("R")]
    top_n: StoredCount
    history_items: StoredCount
    half_life_days: StoredDays
    saturation: StoredSaturation
    closeness: Annotated[float, ArraySpec(low=0, high=100)] = 1.0  # of releases made before this setting existed
    squares: Annotated[Floats, ArraySpec("U", low=0, may_be_empty=True)] = field(
        default_factory=lambda: np.empty(0, np.float32)
    )

    def score(self, histories: Histories) -> Floats:
        """Share of the votes of the nearest users for each item, in [0, 1] when event weights are.  (Q, I)."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        votes = (self.recent_offsets, self.recent_item, self.recent_weight)
        for (voters, share), row in zip(self._folds(histories), scores, strict=True):
            if len(voters):
                add_weighted_rows(voters, share, votes, row)
        return scores

    def best_of_rows(self, compiled: Kernels, history: Histories, mask: Bools, k: int) -> Matches:
        ((voters, share),) = self._folds(history)
        return compiled.best_of_rows(voters, share, self.recent_offsets, self.recent_item, self.recent_weight, mask, k)

    def fold(self, history: Histories) -> Fold:
        """The nearest users, best first, and the share of the votes of each.  (<= top_n,) each."""
        return self._voters(*history.item_weights(self.half_life_days))

    def _folds(self, histories: Histories) -> list[Fold]:
        if len(histories) == 1:
            return [histories.fold(self) or histories.keep_fold(self, self.fold(histories))]
        return [self._voters(*weights) for weights in histories.item_weights_by_user(self.half_life_days)]

    def _voters(self, item: Ints, weight: Floats) -> Fold:
        if kernels.compiled is not None:
            return kernels.compiled.voters(
                item,
                weight,
                self.item_weight,
                self.saturation,
                self.history_items,
                self.owner_offsets,
                self.owner,
                self.owner_weight,
                self.squares if len(self.squares) else None,
                len(self.recent_offsets) - 1,
                self.top_n,
                self.closeness,
            )
        near, similarity = self._nearest(item, saturated(weight, self.saturation) * self.item_weight[item])
        share = similarity**self.closeness
        return near, share / share.sum() if len(near) else share

    def similar_users(self, history: Histories) -> tuple[Ints, Floats]:
        """The users most similar to one history, best first, and the similarity.  (<= top_n,) each.

        Similarity is the cosine of its strongest items and all of theirs, or Jaccard.  The user of the history, if
        known, is among them.
        """
        item, weight = history.item_weights(self.half_life_days)
        item, weight = heaviest(item, saturated(weight, self.saturation) * self.item_weight[item], self.history_items)
        near, similarity = self._nearest(item, weight)
        if len(self.squares):
            return near, similarity
        length = np.sqrt(np.square(weight, dtype=np.float64).sum())
        return near, (similarity / max(length, 1e-12)).astype(np.float32)

    def _nearest(self, item: Ints, weight: Floats) -> tuple[Ints, Floats]:
        """The users most similar to one history and their similarity up to a common factor, best first; above 0."""
        item, weight = heaviest(item, weight, self.history_items)
        similarity = np.zeros(len(self.recent_offsets) - 1, np.float32)
        add_weighted_rows(item, weight, (self.owner_offsets, self.owner, self.owner_weight), similarity)
        if len(self.squares):
            similarity /= np.maximum(self.squares + (np.float32(weight @ weight) - similarity), SMALLEST)
        # Most users share no item: sorting their zeros would take a hundred times as long as the rest.
        similar = (similarity > 0).nonzero()[0]
        near = ranked(similar.astype(np.int32), similarity[similar], self.top_n)
        return near.items, near.scores


@dataclass(frozen=True, slots=True)
class UserNeighbours:
    """top_n: how many users vote.  recent_days: older purchases do not count as a vote.

    vote_half_life_days: how fast a vote fades.  half_life_days: how fast a purchase loses weight in the similarity.
    `auto` sets these three by the shop's tempo: the tempo itself, half of it, one and a half times it.
    saturation: the smaller it is, the less repeats count (BM25's k1); 0 counts only the first.
    idf_power: 0 treats all items alike, 1 gives rare items more weight (TF-IDF); `auto` is 0 in shops where users buy
    again, because there common items show a habit, and 1 elsewhere.
    closeness: 1 counts a vote in proportion to the similarity of the user, more favours the nearest.  length_power:
    penalty of users with many items, 1 is the cosine.  `auto` is 3 and 1.3 in shops where users do not buy again and
    have fifty items or more, because there all users are a little similar; else 1 and 1.
    similarity: cosine, or what two users have in common as a share of what either has (Jaccard; of weights Tanimoto),
    which needs no length_power.  shrinkage: so many items of average weight are added to those of every user, so that a
    user with a single item is not very similar to anyone.
    history_items, owners_per_item: only the strongest items of a history, and the strongest users of each item,
    are compared; they bound the time of a request.
    """

    top_n: Count = 100
    recent_days: HalfLifeSetting = "auto"
    vote_half_life_days: HalfLifeSetting = "auto"
    half_life_days: HalfLifeSetting = "auto"
    saturation: PositiveAmount = 1.2
    idf_power: PositiveAmount | Literal["auto"] = "auto"
    closeness: PositiveAmount | Literal["auto"] = "auto"
    length_power: PositiveAmount | Literal["auto"] = "auto"
    similarity: Literal["cosine", "jaccard"] = "cosine"
    shrinkage: PositiveAmount = 0.0
    history_items: Count = 64
    owners_per_item: Count = 1_000

    def fit(self, data: Interactions, rng: Generator) -> UserNeighboursModel:
        require_events(data)
        tempo = shop_tempo_days(data.histories)
        half_life_days = half_life_or(self.half_life_days, 1.5 * tempo)
        pairs = data.histories.pairs(half_life_days)
        idf_power, closeness, length_power = self._powers(tempo, len(pairs.item) / data.n_users)
        item_weight = _item_weight(data.histories, idf_power)
        owner_offsets, owner, owner_weight, squares = self._owners(pairs, item_weight, length_power)
        recent_offsets, recent_item, recent_weight = self._recent(data.histories, tempo)
        return UserNeighboursModel(
            item_weight,
            owner_offsets,
            owner,
            owner_weight,
            recent_offsets,
            recent_item,
            recent_weight,
            top_n=self.top_n,
            history_items=self.history_items,
            half_life_days=half_life_days,
            saturation=self.saturation,
            closeness=closeness,
            squares=squares,
        )

    def _powers(self, tempo: float, n_items: float) -> tuple[float, float, float]:
        """idf_power, closeness and length_power: the given ones, or for `auto` those for users with n_items each."""
        all_similar = np.isinf(tempo) and n_items >= ENOUGH_ITEMS
        auto = (float(np.isinf(tempo)), *((3.0, 1.3) if all_similar else (1.0, 1.0)))
        given = (self.idf_power, self.closeness, self.length_power)
        first, second, third = (value if power == "auto" else power for power, value in zip(given, auto, strict=True))
        return first, second, third

    def _owners(
        self, pairs: UserItemPairs, item_weight: Floats, length_power: float
    ) -> tuple[Longs, Ints, Floats, Floats]:
        """Item to its users: offsets (I + 1,), user, weight (P,); and the model's `squares`.

        For the cosine weights are divided by the user's length; Jaccard needs them undivided.
        """
        weight = saturated(pairs.weight, self.saturation) * item_weight[pairs.item]
        user, square = pairs.user.astype(np.int32), weight.astype(np.float64) ** 2
        bought = np.flatnonzero(weight > 0)
        average = square[bought].mean() if len(bought) else 0.0
        squares = np.bincount(user, square, minlength=len(pairs.offsets) - 1) + self.shrinkage * average
        user, item = user[bought], pairs.item[bought]
        share = (weight[bought] / np.sqrt(squares[user]) ** length_power).astype(np.float32)
        kept, offsets = first_of_each_row(item, (user, -share), n_rows=pairs.n_items, most=self.owners_per_item)
        if self.similarity == "jaccard":
            return offsets, user[kept], weight[bought][kept], squares.astype(np.float32)
        return offsets, user[kept], share[kept], np.empty(0, np.float32)

    def _recent(self, histories: Histories, tempo: float) -> tuple[Longs, Ints, Floats]:
        """User to items of the last days, each with its strongest event after decay: offsets, item, weight."""
        recent = histories.since(histories.now - half_life_or(self.recent_days, tempo))
        pairs = recent.pairs()
        _, _, vote = strongest_events(recent, half_life_or(self.vote_half_life_days, tempo / 2))
        kept = pairs.weight > 0
        offsets = np.concatenate(([0], np.cumsum(kept)))[pairs.offsets]
        return offsets.astype(np.int64), pairs.item[kept], vote[kept].astype(np.float32)


def _item_weight(histories: Histories, idf_power: float) -> Floats:
    """log(1 + U / owners) ** idf_power.  (I,)."""
    pairs = histories.pairs()
    owners = np.bincount(pairs.item[pairs.weight > 0], minlength=histories.n_items)
    return (np.log1p(len(histories) / np.maximum(owners, 1)) ** idf_power).astype(np.float32)

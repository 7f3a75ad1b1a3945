"""Customers whose shopping looks alike vote with what they bought lately."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Floats, Ints, Longs, add_weighted_rows, ranges, top_k
from recsys.data.dataset.histories import Histories, UserItemPairs, decay
from recsys.data.dataset.interactions import Interactions
from recsys.models.auto_half_life import ENOUGH_ITEMS, HalfLifeSetting, half_life_or, shop_tempo_days
from recsys.models.candidates import ranked
from recsys.models.hyperparameters import Count, PositiveAmount
from recsys.models.saturation import saturated
from recsys.models.serialization import require_events, restored, state

SMALLEST = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True)
class UserNeighboursModel:
    """Works from the asking customer's history alone: it never needs to know who asks.

    item_weight (I,): how much an item tells about a customer.
    owner_offsets (I + 1,), owner, owner_weight (P,): who has the item, strongest first; all weights of
    one customer have length 1 together, or less the more they hold; as they are where `squares` is not empty.
    recent_offsets (U + 1,), recent_item, recent_weight (R,): what each customer bought lately, newer weighs more.
    squares (U,): of what each customer has, squared and summed up, where customers are compared by Jaccard; else (0,).
    """

    name: ClassVar[str] = "user_neighbours"
    item_weight: Floats
    owner_offsets: Longs
    owner: Ints
    owner_weight: Floats
    recent_offsets: Longs
    recent_item: Ints
    recent_weight: Floats
    top_n: int
    history_items: int
    half_life_days: float
    saturation: float
    closeness: float = 1.0  # releases made before it was there count votes in proportion
    squares: Floats = field(default_factory=lambda: np.empty(0, np.float32))

    def score(self, histories: Histories) -> Floats:
        """Share of the nearest customers' votes that goes to each item, in [0, 1] when event weights are.  (Q, I)."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        for (item, weight), row in zip(histories.item_weights_by_user(self.half_life_days), scores, strict=True):
            self._score(item, weight, row)
        return scores

    def alike(self, history: Histories) -> tuple[Ints, Floats]:
        """The customers most like one history, best first, and how much: the cosine of its strongest items and all of
        theirs, or what both have as a share of what either has.  (<= top_n,) each; one of them has that history.
        """
        item, weight = history.item_weights(self.half_life_days)
        item, tells = self._strongest(item, saturated(weight, self.saturation) * self.item_weight[item])
        near, likeness = self._nearest(item, tells)
        if len(self.squares):
            return near, likeness
        length = np.sqrt(np.square(tells, dtype=np.float64).sum())
        return near, (likeness / max(length, 1e-12)).astype(np.float32)

    def _strongest(self, item: Ints, weight: Floats) -> tuple[Ints, Floats]:
        if len(item) <= self.history_items:
            return item, weight
        strongest = top_k(weight, self.history_items)
        return item[strongest], weight[strongest]

    def _score(self, item: Ints, weight: Floats, scores: Floats) -> None:
        """One history into one row of scores.  (P,), (P,), (I,)"""
        near, likeness = self._nearest(item, saturated(weight, self.saturation) * self.item_weight[item])
        if len(near):
            share = likeness**self.closeness
            self._vote(near, share / share.sum(), scores)

    def _nearest(self, item: Ints, weight: Floats) -> tuple[Ints, Floats]:
        """The customers most like one history and how much up to a common factor, best first; only above 0."""
        item, weight = self._strongest(item, weight)
        likeness = np.zeros(len(self.recent_offsets) - 1, np.float32)
        add_weighted_rows(item, weight, (self.owner_offsets, self.owner, self.owner_weight), likeness)
        if len(self.squares):
            likeness /= np.maximum(self.squares + (np.float32(weight @ weight) - likeness), SMALLEST)
        # Most customers share nothing: to order their zeros takes a hundred times as long as all else.
        alike = (likeness > 0).nonzero()[0]
        near = ranked(alike.astype(np.int32), likeness[alike], self.top_n)
        return near.items, near.scores

    def _vote(self, near: Ints, share: Floats, scores: Floats) -> None:
        """Adds what these customers bought lately to one row of scores, which is the caller's own.  (I,)."""
        add_weighted_rows(near, share, (self.recent_offsets, self.recent_item, self.recent_weight), scores)

    def arrays(self) -> Mapping[str, AnyArray]:
        return state(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(**restored(arrays))


@dataclass(frozen=True, slots=True)
class UserNeighbours:
    """top_n: how many customers vote.  recent_days: what they bought before that does not count as a vote.

    vote_half_life_days: how fast a vote fades.  half_life_days: how fast a purchase stops telling who is alike.
    `auto` suits these three to the shop's tempo: the tempo itself, half of it, one and a half of it.
    saturation: repeats beyond the first tell less the smaller it is (BM25's k1); 0 only asks whether it was bought.
    idf_power: 0 treats all items alike, 1 lets rare ones tell more (TF-IDF); `auto` is 0 where people buy again, for
    there the usual things tell a habit, and 1 elsewhere.
    closeness: 1 counts a vote in proportion to the likeness of the customer, more favours the nearest.  length_power:
    how far customers with many items are held back, 1 is the cosine.  `auto` is 3 and 1.3 where nothing is bought again
    and a customer has fifty items or more, for there everybody is a little like everybody; else 1 and 1.
    similarity: cosine, or what two customers have in common as a share of what either has (Jaccard; of weights
    Tanimoto), which needs no length_power.  shrinkage: items with the usual weight added to those of every customer, so
    that one who has a single item is nobody's twin.
    history_items, owners_per_item: only the asking customer's strongest items, and of each item its strongest owners,
    are compared; they bound what an answer costs.
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
        """Raises NotEnoughData without any event."""
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
        """What was set of idf_power, closeness and length_power, or what is usual where customers have n_items each."""
        is_crowded = np.isinf(tempo) and n_items >= ENOUGH_ITEMS
        usual = (float(np.isinf(tempo)), *((3.0, 1.3) if is_crowded else (1.0, 1.0)))
        told = (self.idf_power, self.closeness, self.length_power)
        first, second, third = (one if power == "auto" else power for power, one in zip(told, usual, strict=True))
        return first, second, third

    def _owners(
        self, pairs: UserItemPairs, item_weight: Floats, length_power: float
    ) -> tuple[Longs, Ints, Floats, Floats]:
        """Item to its owners: offsets (I + 1,), customer, weight (P,); and the model's `squares`.

        By cosine weights are divided by the customer's length; Jaccard needs them as they are.
        """
        weight = saturated(pairs.weight, self.saturation) * item_weight[pairs.item]
        user, square = customer_of(pairs), weight.astype(np.float64) ** 2
        bought = np.flatnonzero(weight > 0)
        usual = square[bought].mean() if len(bought) else 0.0
        squares = np.bincount(user, square, minlength=len(pairs.offsets) - 1) + self.shrinkage * usual
        user, item = user[bought], pairs.item[bought]
        share = (weight[bought] / np.sqrt(squares[user]) ** length_power).astype(np.float32)
        kept, counts = self._strongest(user, item, share, pairs.n_items)
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        if self.similarity == "jaccard":
            return offsets, user[kept], weight[bought][kept], squares.astype(np.float32)
        return offsets, user[kept], share[kept], np.empty(0, np.float32)

    def _strongest(self, user: Ints, item: Ints, share: Floats, n_items: int) -> tuple[Longs, Longs]:
        """Which rows to keep, by item, its strongest owners first; and how many of each item.  -> (P,), (I,)"""
        strongest_first = np.lexsort((user, -share, item))
        counts = np.bincount(item, minlength=n_items)
        kept_counts = np.minimum(counts, self.owners_per_item)
        return strongest_first[ranges(np.cumsum(counts) - counts, kept_counts)], kept_counts

    def _recent(self, histories: Histories, tempo: float) -> tuple[Longs, Ints, Floats]:
        """Customer to items of the last days, each with its strongest event after decay: offsets, item, weight."""
        recent = histories.since(histories.now - half_life_or(self.recent_days, tempo))
        pairs = recent.pairs()
        faded = recent.weight * decay(recent.now - recent.at, half_life_or(self.vote_half_life_days, tempo / 2))
        starts = np.cumsum(pairs.count) - pairs.count
        vote = np.maximum.reduceat(faded, starts) if len(starts) else faded
        kept = pairs.weight > 0
        offsets = np.concatenate(([0], np.cumsum(kept)))[pairs.offsets]
        return offsets.astype(np.int64), pairs.item[kept], vote[kept].astype(np.float32)


def _item_weight(histories: Histories, idf_power: float) -> Floats:
    """log(1 + U / owners) ** idf_power.  (I,)."""
    pairs = histories.pairs()
    owners = np.bincount(pairs.item[pairs.weight > 0], minlength=histories.n_items)
    return (np.log1p(len(histories) / np.maximum(owners, 1)) ** idf_power).astype(np.float32)


def customer_of(pairs: UserItemPairs) -> Ints:
    """The customer of every pair, (P,) int32."""
    lengths = np.diff(pairs.offsets)
    return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)

"""What customers of one kind want more than others do: for whoever is known by attributes alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories, decay
from recsys.data.dataset.user_features import FeatureVocabulary, UserFeatures
from recsys.data.ids import MISSING

STRENGTH = 100.0  # a segment counts as much as the shop at so many customers; below, the shop's best-sellers win
MOST_ITEMS = 2_000  # best-sellers whose place a segment may change
MOST_LIFT = np.log(10.0)  # all traits together make nothing more than ten times as likely, or as unlikely


def shrunk_share(buyers: Doubles, n: Doubles | float, share: Doubles, strength: float) -> Doubles:
    """Share of n customers who bought each item, as if `strength` customers of the whole shop were among them.

    buyers, share (..., I), n (..., 1).  Mean of a beta prior around the shop's share; Gelman et al. 2013, sect. 2.4.
    """
    shrunk: Doubles = (buyers + strength * share) / (n + strength)
    return shrunk


def ranking(share: Doubles, lift: Floats, trust: float) -> Floats:
    """How likely a customer wants each item, by the lifts (n, H) of the n traits they have.  (H,) -> (H,)"""
    # Naive Bayes: P(i | t1, t2, ...) ~ P(i) * P(i | t1) / P(i) * ...; attributes are no strangers to each other, so the
    # sum is trusted in part only.
    total = lift.sum(axis=0, dtype=np.float64) * trust
    likely: Floats = (share * np.exp(np.clip(total, -MOST_LIFT, MOST_LIFT))).astype(np.float32)
    return likely


@dataclass(frozen=True, slots=True)
class SegmentsModel:
    """The shop's H best-sellers and what each trait of a customer says of them.

    items (H,): best first; share (H,): part of the customers who want each; lift (T, H): log of how many times likelier
    customers of that trait want it, shrunk towards 0.  trust: how much of the summed lifts counts, in [0, 1].
    """

    vocabulary: FeatureVocabulary
    items: Ints
    share: Doubles
    lift: Floats
    trust: float

    def ranking(self, traits: Ints) -> Floats:
        """How likely a customer of these traits wants each of the H items: (H,), above 0."""
        return ranking(self.share, self.lift[traits], self.trust)

    def arrays(self) -> Mapping[str, AnyArray]:
        return {
            **self.vocabulary.arrays(),
            "items": self.items,
            "share": self.share,
            "lift": self.lift,
            "trust": np.asarray(self.trust),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(
            FeatureVocabulary.from_arrays(arrays),
            arrays["items"],
            arrays["share"],
            arrays["lift"],
            float(arrays["trust"]),
        )


@dataclass(frozen=True, slots=True)
class SegmentPreferences:
    """How much each customer wants each of the H items: user, place, weight (P,); total (U,): all they want at most."""

    user: Longs
    place: Longs
    weight: Doubles
    total: Doubles
    n_items: int

    def without(self, users: Ints) -> "SegmentPreferences":
        """The same as if those customers had never come."""
        gone = np.zeros(len(self.total), bool)
        gone[users] = True
        kept = ~gone[self.user]
        total = np.where(gone, 0.0, self.total)
        return SegmentPreferences(self.user[kept], self.place[kept], self.weight[kept], total, self.n_items)


def wanted(histories: Histories, items: Ints, half_life_days: float) -> SegmentPreferences:
    """Each customer's one strongest decayed event for each of these items, as popularity counts them."""
    user, item, weight = strongest(histories, half_life_days)
    total = np.zeros(len(histories))
    np.maximum.at(total, user, weight)
    place_of = np.full(histories.n_items, MISSING, np.int64)
    place_of[items] = np.arange(len(items))
    place = place_of[item]
    kept = place != MISSING
    return SegmentPreferences(user[kept], place[kept], weight[kept], total, len(items))


def strongest(histories: Histories, half_life_days: float) -> tuple[Longs, Ints, Doubles]:
    """Customer, item and strongest decayed event of each pair: (P,), (P,), (P,)."""
    weight = np.maximum(histories.weight, 0) * decay(histories.now - histories.at, half_life_days)
    pairs = histories.pairs()
    user = np.repeat(np.arange(len(histories), dtype=np.int64), np.diff(pairs.offsets))
    starts = np.cumsum(pairs.count) - pairs.count
    return user, pairs.item, np.maximum.reduceat(weight, starts) if len(starts) else weight


@dataclass(frozen=True, slots=True)
class Counts:
    """Who wants what: of all customers, share (H,); of the n (T, 1) customers of each trait, buyers (T, H)."""

    share: Doubles
    n: Doubles
    buyers: Doubles

    def lift(self, strength: float) -> Floats:
        """Log of how many times likelier customers of each trait want each item: (T, H); 0 where nobody does."""
        known = np.where(self.share > 0, self.share, 1.0)
        shrunk = shrunk_share(self.buyers, self.n, known, strength)
        return np.where(self.share > 0, np.log(shrunk / known), 0.0).astype(np.float32)


def counts_of(want: SegmentPreferences, described: UserFeatures, n_traits: int) -> Counts:
    """Who wants what, overall and by trait."""
    from scipy.sparse import csr_array  # not in the memory of a server

    n_users = len(want.total)
    user = np.repeat(described.users, np.diff(described.offsets))
    members = csr_array((np.ones(len(user)), (described.feature, user)), shape=(n_traits, n_users))
    wants = csr_array((want.weight, (want.user, want.place)), shape=(n_users, want.n_items))
    all_of_them = max(float(want.total.sum()), float(np.finfo(np.float64).tiny))
    share = np.bincount(want.place, want.weight, minlength=want.n_items) / all_of_them
    return Counts(share, np.asarray(members @ want.total)[:, None], (members @ wants).toarray())


def segments_of(
    vocabulary: FeatureVocabulary, items: Ints, counts: Counts, *, strength: float = STRENGTH, trust: float = 1.0
) -> SegmentsModel:
    """The model of these counts."""
    return SegmentsModel(vocabulary, items, counts.share, counts.lift(strength), trust)

"""Segments: preferences of users with the same attributes, for users known by attributes alone.

A part of the engine (`recsys/engine/parts.py`), not a model of the registry.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from recsys.arrays import Doubles, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec, positions
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.user_features import FeatureVocabulary, UserFeatures
from recsys.data.ids import MISSING
from recsys.models.popularity import strongest_events
from recsys.models.serialization import StoredFields, StoredShare

STRENGTH = 100.0  # prior strength, in users: a segment of this size weighs 50 %, the whole shop the rest
MAX_ITEMS = 2_000  # best-sellers whose place a segment may change
MAX_LIFT = np.log(10.0)  # all features together change a probability by at most a factor of ten


def shrunk_share(buyers: Doubles, n: Doubles | float, share: Doubles, strength: float) -> Doubles:
    """Share of n users who bought each item, as if `strength` users of the whole shop were among them.

    buyers, share (..., I), n (..., 1).  Mean of a beta prior around the shop's share; Gelman et al. 2013, sect. 2.4.
    """
    shrunk: Doubles = (buyers + strength * share) / (n + strength)
    return shrunk


def segment_probabilities(share: Doubles, lift: Floats, trust: float) -> Floats:
    """How likely a user wants each item, by the lifts (n, H) of the user's n features.  (H,) -> (H,)"""
    # Naive Bayes: P(i | t1, t2, ...) ~ P(i) * P(i | t1) / P(i) * ...; attributes depend on each other, so the sum is
    # trusted only in part.
    total = lift.sum(axis=0, dtype=np.float64) * trust
    likely: Floats = (share * np.exp(np.clip(total, -MAX_LIFT, MAX_LIFT))).astype(np.float32)
    return likely


@dataclass(frozen=True, slots=True)
class SegmentsModel(StoredFields):
    """The shop's H best-sellers and how each user feature changes their order.

    items (H,): best first; share (H,): part of the users who want each; lift (T, H): log of how many times more likely
    users with that feature want it, shrunk towards 0.  trust: how much of the summed lifts counts, in [0, 1].
    """

    NESTED: ClassVar = {"vocabulary": ("", FeatureVocabulary)}
    vocabulary: FeatureVocabulary
    items: Annotated[Ints, positions("H", "I", order="each once")]
    share: Annotated[Doubles, ArraySpec("H", low=0)]
    lift: Annotated[Floats, ArraySpec("T H")]
    trust: StoredShare

    def probabilities(self, features: Ints) -> Floats:
        """How likely a user with these features wants each of the H items: (H,), above 0."""
        return segment_probabilities(self.share, self.lift[features], self.trust)


@dataclass(frozen=True, slots=True)
class SegmentPreferences:
    """How much each user wants each of the H items: user, place, weight (P,); total (U,): the largest of each user."""

    user: Longs
    place: Longs
    weight: Doubles
    total: Doubles
    n_items: int

    def without(self, users: Ints) -> "SegmentPreferences":
        """The same without those users."""
        is_removed = np.zeros(len(self.total), bool)
        is_removed[users] = True
        kept = ~is_removed[self.user]
        total = np.where(is_removed, 0.0, self.total)
        return SegmentPreferences(self.user[kept], self.place[kept], self.weight[kept], total, self.n_items)


def segment_preferences(histories: Histories, items: Ints, half_life_days: float) -> SegmentPreferences:
    """Each user's one strongest decayed event for each of these items, as in the popularity model."""
    user, item, weight = strongest_events(histories, half_life_days)
    total = np.zeros(len(histories))
    np.maximum.at(total, user, weight)
    place_of = np.full(histories.n_items, MISSING, np.int64)
    place_of[items] = np.arange(len(items))
    place = place_of[item]
    kept = place != MISSING
    return SegmentPreferences(user[kept], place[kept], weight[kept], total, len(items))


@dataclass(frozen=True, slots=True)
class SegmentCounts:
    """Of all users, share (H,) who want each item; of the n (T, 1) users with each feature, buyers (T, H)."""

    share: Doubles
    n: Doubles
    buyers: Doubles

    def lift(self, strength: float) -> Floats:
        """Log of how many times more likely users with each feature want each item: (T, H); 0 where none does."""
        share = np.where(self.share > 0, self.share, 1.0)
        shrunk = shrunk_share(self.buyers, self.n, share, strength)
        return np.where(self.share > 0, np.log(shrunk / share), 0.0).astype(np.float32)


def count_preferences(preferences: SegmentPreferences, features: UserFeatures, n_features: int) -> SegmentCounts:
    """Who wants what, overall and by feature."""
    from scipy.sparse import csr_array  # a server does not load it

    n_users = len(preferences.total)
    user = np.repeat(features.users, np.diff(features.offsets))
    members = csr_array((np.ones(len(user)), (features.feature, user)), shape=(n_features, n_users))
    wants = csr_array((preferences.weight, (preferences.user, preferences.place)), shape=(n_users, preferences.n_items))
    total = max(float(preferences.total.sum()), float(np.finfo(np.float64).tiny))
    share = np.bincount(preferences.place, preferences.weight, minlength=preferences.n_items) / total
    return SegmentCounts(share, np.asarray(members @ preferences.total)[:, None], (members @ wants).toarray())

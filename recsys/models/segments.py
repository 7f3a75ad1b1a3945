"""Segments: preferences of users with the same attributes, for users known by attributes alone.

A part of the engine (`recsys/engine/parts.py`), not a model of the registry.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec, positions
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.user_features import FeatureVocabulary, UserFeatures
from recsys.data.ids import MISSING
from recsys.models.popularity import strongest_events
from recsys.models.serialization import StoredFields

MAX_ITEMS = 2_000  # best-sellers whose place a segment may change
OLDER_SPECS = {"lift": ArraySpec("T H", "float32"), "trust": ArraySpec(low=0, high=1 + 1e-9)}  # in place of `effect`
MAX_FACTOR = 10.0  # all features together change a probability by at most this factor


@dataclass(frozen=True, slots=True)
class SegmentsModel(StoredFields):
    """The shop's H best-sellers and how each user feature changes their order; H is 0 where attributes tell nothing.

    items (H,): best first; share (H,): part of the users who want each; effect (T, H): by how much that part is larger
    for users with the feature, all features learnt together.
    """

    NESTED: ClassVar = {"vocabulary": ("", FeatureVocabulary)}
    vocabulary: FeatureVocabulary
    items: Annotated[Ints, positions("H", "I", order="each once")]
    share: Annotated[Doubles, ArraySpec("H", low=0)]
    effect: Annotated[Floats, ArraySpec("T H")]

    def probabilities(self, features: Ints) -> Floats:
        """How likely a user with these features wants each of the H items: (H,), above 0."""
        return bounded(self.share, self.effect[features].sum(axis=0, dtype=np.float64))

    @classmethod
    def specs(cls, names: Collection[str] = ()) -> dict[str, ArraySpec]:
        specs = super(SegmentsModel, cls).specs(names)
        if "lift" in names:
            del specs["effect"]
            specs |= OLDER_SPECS
        return specs

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        if "lift" in arrays:
            # Releases made before this form multiply shares by exp(trust * lift): the same for a single feature.
            own = dict(arrays)
            larger = np.expm1(own.pop("lift") * own.pop("trust"))
            arrays = own | {"effect": (own["share"] * larger).astype(np.float32)}
        return super(SegmentsModel, cls).from_arrays(arrays)


def bounded(share: Doubles, change: Doubles | Floats) -> Floats:
    """Changed shares, each within a factor of ten of the share itself.  (H,), (..., H) -> (..., H)"""
    return np.clip(share + change, share / MAX_FACTOR, share * MAX_FACTOR).astype(np.float32)


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
class SegmentStatistics:
    """Sums over users.  share (H,): part of all users who want each item; gram (T, T): users who have both features.

    excess (T, H): how many more of the users with a feature want each item than that share of them.
    """

    share: Doubles
    gram: Doubles
    excess: Doubles

    def effects(self, strength: float, rank: int) -> Floats:
        """What each feature adds to the share of each item.  (T, H)

        strength: penalty of the ridge regression, in users.  rank: how many directions of taste the features may tell
        apart; the items in one direction support each other.
        """
        from scipy.linalg import cholesky, solve_triangular  # a server does not load it

        # Reduced-rank ridge regression, Mukherjee & Zhu 2011, section 2.
        root = cholesky(self.gram + strength * np.eye(len(self.gram)), lower=True)
        fitted = solve_triangular(root, self.excess, lower=True)
        _, direction = np.linalg.eigh(fitted @ fitted.T)
        kept = direction[:, -rank:]
        return solve_triangular(root.T, kept @ (kept.T @ fitted)).astype(np.float32)


def segment_statistics(preferences: SegmentPreferences, features: UserFeatures, n_features: int) -> SegmentStatistics:
    """Who wants what, overall and by feature."""
    from scipy.sparse import csr_array  # a server does not load it

    n_users = len(preferences.total)
    user = np.repeat(features.users, np.diff(features.offsets))
    members = csr_array((np.ones(len(user)), (features.feature, user)), shape=(n_features, n_users))
    wants = csr_array((preferences.weight, (preferences.user, preferences.place)), shape=(n_users, preferences.n_items))
    total = max(float(preferences.total.sum()), float(np.finfo(np.float64).tiny))
    share = np.bincount(preferences.place, preferences.weight, minlength=preferences.n_items) / total
    n_of_feature = np.asarray(members @ preferences.total)
    counted = members.copy()
    counted.data = preferences.total[counted.indices]
    gram = (counted @ members.T).toarray()
    return SegmentStatistics(share, gram, (members @ wants).toarray() - np.outer(n_of_feature, share))

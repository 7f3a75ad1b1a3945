"""User cold start: preferences by user attributes, validated on known users who are treated as if they were new."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Ints, top_k
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.user_features import FeatureVocabulary, UserFeatures, build_user_features, build_vocabulary
from recsys.data.entities import User
from recsys.data.ids import MISSING
from recsys.learning.holdout import last_weeks
from recsys.learning.validation import LIST_LENGTH, is_better, list_ndcg
from recsys.models.candidates import Candidates
from recsys.models.popularity import users_by_item
from recsys.models.segments import (
    MAX_ITEMS,
    STRENGTH,
    SegmentCounts,
    SegmentsModel,
    count_preferences,
    segment_preferences,
    segment_probabilities,
)

# Same half-life as the popularity model: segments only reorder its items.
HALF_LIFE_DAYS = 28.0
STRENGTHS = (100.0, 300.0, 1000.0, 3000.0)
TRUSTS = (0.25, 0.5, 1.0)
MOST_CAREFUL = (STRENGTHS[-1], TRUSTS[0])
N_FOLDS = 5
MIN_USERS = 30
MAX_USERS = 2_000
STANDARD_ERRORS = 2.0  # required gain in standard errors; corrects for picking the best of twelve settings


@dataclass(frozen=True, slots=True)
class SegmentDecision:
    """How far segments are trusted, and why.  gain: of nDCG@10 over best-sellers, as a share; 0 without users."""

    strength: float
    trust: float
    n_users: int
    gain: float
    why: str

    def as_mapping(self) -> dict[str, Any]:
        """For a manifest."""
        decision = {"strength": self.strength, "trust": self.trust, "judges": self.n_users}
        return {**decision, "gain": self.gain, "why": self.why}


def learn_cold_start(
    dataset: Dataset, users: Collection[User], rng: Generator, *, days: float
) -> tuple[SegmentsModel | None, SegmentDecision | None]:
    """What users of each kind want more than others; None without attributes, or where it is worse than best-sellers.

    days: at the end of the log; what users chose then is held back for validation.
    """
    vocabulary = build_vocabulary(user for user in users if dataset.users.position(user.user_id) != MISSING)
    features = build_user_features(users, vocabulary, dataset.users)
    if not len(vocabulary):
        return None, None
    decision = _decide(dataset.data, vocabulary, features, rng, days)
    if decision.trust == 0:
        return None, decision
    histories = dataset.data.histories
    items = best_sellers(histories)
    counts = count_preferences(segment_preferences(histories, items, HALF_LIFE_DAYS), features, len(vocabulary))
    return SegmentsModel(vocabulary, items, counts.share, counts.lift(decision.strength), decision.trust), decision


def best_sellers(histories: Histories) -> Ints:
    """The best-sellers that segments may put into another order."""
    weight = users_by_item(histories, HALF_LIFE_DAYS).astype(np.float32)
    return top_k(weight, min(MAX_ITEMS, int(np.count_nonzero(weight))))


def _decide(
    data: Interactions, vocabulary: FeatureVocabulary, features: UserFeatures, rng: Generator, days: float
) -> SegmentDecision:
    """Cross-validation over users with attributes: segments learned on the other folds predict their last choices."""
    holdout = last_weeks(data, days)
    past, later = holdout.past.histories, holdout.later.pairs()
    came = np.flatnonzero(np.diff(later.offsets)[features.users])
    rows = np.sort(rng.permutation(came)[:MAX_USERS])
    if len(rows) < MIN_USERS:
        why = f"{len(rows)} customers with attributes to validate with, {MIN_USERS} are needed: default trust"
        return SegmentDecision(STRENGTH, 1.0, len(rows), 0.0, why)
    relevant = [later.item[later.offsets[user] : later.offsets[user + 1]] for user in features.users[rows]]
    fold = rng.permutation(len(rows)) % N_FOLDS
    items = best_sellers(past)
    preferences = segment_preferences(past, items, HALF_LIFE_DAYS)
    quality = {setting: np.zeros(len(rows)) for setting in ((STRENGTH, 0.0), *product(STRENGTHS, TRUSTS))}
    for number in range(N_FOLDS):
        hidden = np.flatnonzero(fold == number)
        counts = count_preferences(preferences.without(features.users[rows[hidden]]), features, len(vocabulary))
        traits = [features.features_of(at) for at in rows[hidden]]
        for setting, per_user in quality.items():
            per_user[hidden] = _ndcg(counts, items, setting, traits, [relevant[at] for at in hidden])
    return _choose_setting(quality)


def _ndcg(
    counts: SegmentCounts, items: Ints, setting: tuple[float, float], traits: list[Ints], relevant: list[Ints]
) -> Doubles:
    strength, trust = setting
    lift = counts.lift(strength)
    lists = []
    for own in traits:
        score = segment_probabilities(counts.share, lift[own], trust)
        best = top_k(score, LIST_LENGTH)
        lists.append(Candidates(items[best], score[best]))
    return list_ndcg(lists, relevant)


def _choose_setting(quality: dict[tuple[float, float], Doubles]) -> SegmentDecision:
    plain = quality[STRENGTH, 0.0]
    best = max(quality, key=lambda setting: quality[setting].mean())  # on a tie the first one: best-sellers alone
    if best[1] > 0 and is_better(quality[best], plain, standard_errors=STANDARD_ERRORS):
        setting, why = best, "better than best-sellers for customers it was not trained on"
    elif is_better(plain, quality[MOST_CAREFUL], standard_errors=STANDARD_ERRORS):
        setting, why = (STRENGTH, 0.0), "worse than best-sellers even with the least trust: left out"
    else:
        best = setting = MOST_CAREFUL
        why = "not better than best-sellers beyond noise: taken with the least trust"
    gain = float(quality[best].mean() / plain.mean() - 1) if plain.mean() > 0 else 0.0
    return SegmentDecision(*setting, len(plain), gain, why)

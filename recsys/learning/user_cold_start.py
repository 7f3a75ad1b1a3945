"""User cold start: preferences by user attributes, validated on known users who are treated as if they were new."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, top_k
from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.user_features import FeatureVocabulary, UserFeatures, build_user_features, build_vocabulary
from recsys.data.entities import User
from recsys.data.events import OWNED_KINDS
from recsys.data.ids import MISSING
from recsys.learning.holdout import ENOUGH_USERS, last_weeks
from recsys.learning.validation import LIST_LENGTH, is_better
from recsys.metrics import ndcg
from recsys.models.popularity import users_by_item
from recsys.models.segments import MAX_ITEMS, SegmentsModel, bounded, segment_preferences, segment_statistics

STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
RANKS = (1, 4, 500)  # the last one keeps every direction
SETTINGS = tuple(product(STRENGTHS, RANKS))
ENOUGH_SHARE = 0.5  # of all users with attributes, where that is fewer than enough users
N_FOLDS = 5
MIN_USERS = 30
MAX_USERS = 2_000


@dataclass(frozen=True, slots=True)
class SegmentDecision:
    """Whether strangers get lists by their attributes, and why.

    strength, rank: of the regression, see SegmentStatistics.effects.  judges: known users who were treated as
    strangers.  ndcg_at_10, best_sellers: of lists by attributes, with settings that other judges chose, and of
    best-sellers; difference, standard_error: of the two, over the same judges.
    """

    is_used: bool
    why: str
    judges: int
    strength: float = 0.0
    rank: int = 0
    ndcg_at_10: float = 0.0
    best_sellers: float = 0.0
    difference: float = 0.0
    standard_error: float = 0.0

    def as_mapping(self) -> dict[str, Any]:
        """For a manifest."""
        return {name: round(value, 5) if isinstance(value, float) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Strangers:
    """Q known users with attributes who are treated as if they were new.

    rows (Q,): of their features.  relevant: what each of them chose, sorted.  past: what there is to learn from,
    where they still stand.
    """

    rows: Longs
    relevant: Sequence[Ints]
    past: Histories


def learn_cold_start(
    dataset: Dataset, users: Collection[User], rng: Generator, *, days: float, half_life_days: float
) -> tuple[SegmentsModel | None, SegmentDecision | None]:
    """What users of each kind want more than others; None without attributes.

    Without items where such lists are no better than best-sellers beyond noise.  days: at the end of the log; what
    users chose then is held back for validation.  half_life_days: of the best-sellers that segments reorder.
    """
    vocabulary = build_vocabulary(user for user in users if dataset.users.position(user.user_id) != MISSING)
    features = build_user_features(users, vocabulary, dataset.users)
    if not len(vocabulary):
        return None, None
    decision = _decide(dataset.data, vocabulary, features, rng, days, half_life_days)
    if not decision.is_used:
        return SegmentsModel(vocabulary, *_no_effects(len(vocabulary))), decision
    histories = dataset.data.histories
    items = best_sellers(histories, half_life_days)
    statistics = segment_statistics(segment_preferences(histories, items, half_life_days), features, len(vocabulary))
    effect = statistics.effects(decision.strength, decision.rank)
    return SegmentsModel(vocabulary, items, statistics.share, effect), decision


def best_sellers(histories: Histories, half_life_days: float) -> Ints:
    """The best-sellers that segments may put into another order."""
    weight = users_by_item(histories, half_life_days).astype(np.float32)
    return top_k(weight, min(MAX_ITEMS, int(np.count_nonzero(weight))))


def draw_strangers(data: Interactions, features: UserFeatures, rng: Generator, days: float) -> Strangers:
    """Users judged by what they chose in the last `days`; by all that they ever chose, where few came in these."""
    holdout = last_weeks(data, days)
    past, later = holdout.past.histories, holdout.later.pairs()
    came = np.flatnonzero(np.diff(later.offsets)[features.users])
    if len(came) < min(ENOUGH_USERS, ENOUGH_SHARE * len(features.users)):
        past, later = data.histories, data.histories.only(*OWNED_KINDS).pairs()
        came = np.flatnonzero(np.diff(later.offsets)[features.users])
    rows = np.sort(rng.permutation(came)[:MAX_USERS])
    relevant = [later.item[later.offsets[user] : later.offsets[user + 1]] for user in features.users[rows]]
    return Strangers(rows, relevant, past)


def _decide(
    data: Interactions,
    vocabulary: FeatureVocabulary,
    features: UserFeatures,
    rng: Generator,
    days: float,
    half_life_days: float,
) -> SegmentDecision:
    """Cross-validation over users with attributes: what is learnt from the other folds predicts what they chose."""
    strangers = draw_strangers(data, features, rng, days)
    n = len(strangers.rows)
    if n < MIN_USERS:
        return SegmentDecision(False, f"{n} customers with attributes to validate with, {MIN_USERS} are needed", n)
    fold = rng.permutation(n) % N_FOLDS
    quality = _quality(strangers, features, len(vocabulary), fold, half_life_days)
    return _choose_setting(quality, fold)


def _quality(
    strangers: Strangers, features: UserFeatures, n_features: int, fold: Longs, half_life_days: float
) -> Doubles:
    """nDCG@10 of each stranger with best-sellers and with each of the S settings.  (1 + S, Q)"""
    items = best_sellers(strangers.past, half_life_days)
    preferences = segment_preferences(strangers.past, items, half_life_days)
    users, quality = features.users[strangers.rows], np.zeros((1 + len(SETTINGS), len(strangers.rows)))
    for number in range(N_FOLDS):
        hidden = np.flatnonzero(fold == number)
        statistics = segment_statistics(preferences.without(users[hidden]), features, n_features)
        members = features.memberships(strangers.rows[hidden], n_features)
        relevant = [strangers.relevant[at] for at in hidden.tolist()]
        quality[0, hidden] = _ndcg(
            [items[top_k(statistics.share.astype(np.float32), LIST_LENGTH)]] * len(hidden), relevant
        )
        for at, (strength, rank) in enumerate(SETTINGS, start=1):
            scores = bounded(statistics.share, members @ statistics.effects(strength, rank))
            quality[at, hidden] = _ndcg([items[top_k(row, LIST_LENGTH)] for row in scores], relevant)
    return quality


def _ndcg(lists: Sequence[Ints], relevant: Sequence[Ints]) -> Doubles:
    hits: Bools = np.zeros((len(lists), LIST_LENGTH), bool)
    for row, items, chosen in zip(hits, lists, relevant, strict=True):
        row[: len(items)] = np.isin(items, chosen)
    return ndcg(hits, np.array([len(chosen) for chosen in relevant]), LIST_LENGTH)


def _choose_setting(quality: Doubles, fold: Longs) -> SegmentDecision:
    """The best setting, if settings chosen by the other folds are better than best-sellers beyond noise.

    The best of many settings looks too good for the users who chose it.
    """
    plain, honest = quality[0], np.empty(quality.shape[1])
    for number in range(N_FOLDS):
        is_own = fold == number
        honest[is_own] = quality[1 + quality[1:, ~is_own].mean(axis=1).argmax(), is_own]
    is_used, n = is_better(honest, plain), len(plain)
    words = "better than best-sellers beyond noise" if is_used else "no better than best-sellers beyond noise: left out"
    strength, rank = SETTINGS[int(quality[1:].mean(axis=1).argmax())]
    difference = honest - plain
    return SegmentDecision(
        is_used,
        f"lists by attributes, for customers they were not learnt from, are {words}",
        n,
        strength,
        rank,
        float(honest.mean()),
        float(plain.mean()),
        float(difference.mean()),
        float(difference.std() / np.sqrt(n)),
    )


def _no_effects(n_features: int) -> tuple[Ints, Doubles, Floats]:
    return np.empty(0, np.int32), np.empty(0), np.empty((n_features, 0), np.float32)

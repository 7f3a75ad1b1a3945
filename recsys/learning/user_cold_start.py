"""What to show to customers known by attributes alone, tried on customers who are hidden as if they were strangers."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
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
from recsys.data.events import HAD
from recsys.data.ids import MISSING
from recsys.learning.validation import LENGTH, is_better, list_ndcg
from recsys.models.candidates import Candidates
from recsys.models.segments import (
    MOST_ITEMS,
    STRENGTH,
    Counts,
    SegmentsModel,
    counts_of,
    ranking,
    segments_of,
    strongest,
    wanted,
)

HALF_LIFE_DAYS = (
    28.0  # as fast as best-sellers are forgotten: a segment moves their order, it does not look further back
)
STRENGTHS = (100.0, 300.0, 1000.0, 3000.0)
TRUSTS = (0.25, 0.5, 1.0)
CAREFUL = (STRENGTHS[-1], TRUSTS[0])
FOLDS = 5
MIN_JUDGES = 30
MOST_JUDGES = 2_000
SURE = 2.0  # standard errors the segments have to be better by: the best of twelve settings is a lucky one


@dataclass(frozen=True, slots=True)
class SegmentDecision:
    """How far segments are trusted, and why.  gain: of nDCG@10 over best-sellers, as a share; 0 without judges."""

    strength: float
    trust: float
    judges: int
    gain: float
    why: str

    def as_mapping(self) -> dict[str, Any]:
        return asdict(self)


def learn_cold_start(
    shop: Dataset, people: Collection[User], rng: Generator, *, days: float
) -> tuple[SegmentsModel | None, SegmentDecision | None]:
    """What each kind of customer wants more than others; None where nobody is described or it finds nothing better.

    days: at the end of the log, what customers chose then judges.
    """
    vocabulary = build_vocabulary(person for person in people if shop.users.position(person.user_id) != MISSING)
    described = build_user_features(people, vocabulary, shop.users)
    if not len(vocabulary):
        return None, None
    verdict = _judged(shop.data, vocabulary, described, rng, days)
    if verdict.trust == 0:
        return None, verdict
    histories = shop.data.histories
    items = head_of(histories)
    counts = counts_of(wanted(histories, items, HALF_LIFE_DAYS), described, len(vocabulary))
    return segments_of(vocabulary, items, counts, strength=verdict.strength, trust=verdict.trust), verdict


def head_of(histories: Histories) -> Ints:
    """The best-sellers that segments may put into another order."""
    _, item, wish = strongest(histories, HALF_LIFE_DAYS)
    weight = np.bincount(item, wish, minlength=histories.n_items).astype(np.float32)
    return top_k(weight, min(MOST_ITEMS, int(np.count_nonzero(weight))))


def _judged(
    data: Interactions, vocabulary: FeatureVocabulary, described: UserFeatures, rng: Generator, days: float
) -> SegmentDecision:
    """Every described customer is hidden once; what they chose in the last `days` judges the segments of the others."""
    cut = data.histories.now - days
    past, later = data.before(cut).histories, data.histories.only(*HAD).since(cut).pairs()
    came = np.flatnonzero(np.diff(later.offsets)[described.users])
    judges = np.sort(rng.permutation(came)[:MOST_JUDGES])
    if len(judges) < MIN_JUDGES:
        why = f"{len(judges)} described customers to judge by, {MIN_JUDGES} are asked for: taken as usual"
        return SegmentDecision(STRENGTH, 1.0, len(judges), 0.0, why)
    truth = [later.item[later.offsets[user] : later.offsets[user + 1]] for user in described.users[judges]]
    fold = rng.permutation(len(judges)) % FOLDS
    items = head_of(past)
    want = wanted(past, items, HALF_LIFE_DAYS)
    reached = {setting: np.zeros(len(judges)) for setting in ((STRENGTH, 0.0), *product(STRENGTHS, TRUSTS))}
    for part in range(FOLDS):
        asked = np.flatnonzero(fold == part)
        counts = counts_of(want.without(described.users[judges[asked]]), described, len(vocabulary))
        for setting, found in reached.items():
            traits = [described.features_of(at) for at in judges[asked]]
            found[asked] = _quality(counts, items, setting, traits, [truth[at] for at in asked])
    return _chosen(reached)


def _quality(
    counts: Counts, items: Ints, setting: tuple[float, float], traits: list[Ints], truth: list[Ints]
) -> Doubles:
    """nDCG@10 of each judge's list."""
    strength, trust = setting
    lift = counts.lift(strength)
    lists = []
    for mine in traits:
        score = ranking(counts.share, lift[mine], trust)
        best = top_k(score, LENGTH)
        lists.append(Candidates(items[best], score[best]))
    return list_ndcg(lists, truth)


def _chosen(reached: dict[tuple[float, float], Doubles]) -> SegmentDecision:
    plain = reached[STRENGTH, 0.0]
    best = max(reached, key=lambda setting: reached[setting].mean())  # of equals the first, so the plain one
    gain = float(reached[best].mean() / plain.mean() - 1) if plain.mean() > 0 else 0.0
    if best[1] > 0 and is_better(reached[best], plain, sure=SURE):
        return SegmentDecision(*best, len(plain), gain, "better than best-sellers for customers hidden from it")
    if is_better(plain, reached[CAREFUL], sure=SURE):
        return SegmentDecision(
            STRENGTH, 0.0, len(plain), gain, "worse than best-sellers even with the greatest care: left out"
        )
    gain = float(reached[CAREFUL].mean() / plain.mean() - 1) if plain.mean() > 0 else 0.0
    return SegmentDecision(
        *CAREFUL, len(plain), gain, "not better than best-sellers beyond noise: taken with the greatest care"
    )

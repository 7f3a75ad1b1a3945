"""Audience: the customers most likely to buy an item, or one of many."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, top_k
from recsys.data.catalogue.catalogue import Catalogue, LabelColumn
from recsys.data.dataset.histories import Histories
from recsys.data.store.consent import ConsentCheck
from recsys.engine.candidate_cache import CandidateLists
from recsys.engine.engine import Engine
from recsys.models.candidates import Candidates
from recsys.ranking.candidates.sources import BLEND_DEPTH, unseen_candidates
from recsys.ranking.context.context import TASTE_HALF_LIFE_DAYS
from recsys.ranking.filters.eligibility import Eligibility
from recsys.ranking.targeting.purchase_probability import AGAIN, NEW, horizon_chances, purchase_probabilities

MOST_SCORED = 5_000  # customers who are scored one by one, or two for each place; of more, those nearest to the items
MOST_TARGETS = 50  # items, best-sellers first, that decide which histories are near
NEIGHBOURS = 200
EVENTS_AT_ONCE = 4_000_000


class AudienceMember(NamedTuple):
    """A customer, the item they are most likely to buy, its purchase probability, and the source of that number."""

    user_id: str
    score: float
    item_id: str
    source: str


def let_others_go_on() -> None:
    """Lets the requests that wait on this interpreter go on."""
    time.sleep(0)


@dataclass(frozen=True, slots=True)
class AudienceScope:
    """among (U,): the customers who may be in it, None for all.  days: the horizon of the chances, None for that of
    lists.  pause: called before each customer; it lets others go on, and may raise to end the work.
    """

    among: Bools | None = None
    days: float | None = None
    pause: Callable[[], None] = let_others_go_on


ANYBODY: Final = AudienceScope()


def find_audience(
    engine: Engine,
    catalogue: Catalogue,
    items: Ints,
    *,
    limit: int,
    has_consent: ConsentCheck,
    scope: AudienceScope = ANYBODY,
) -> list[AudienceMember]:
    """The customers of the release most likely to buy one of the items, best first, ties by position; at most `limit`.

    items: positions, each once.  Without a horizon the probabilities are those of `rank`; with one, those of needs for
    what was bought on two days or more, which are never equal at the top, and else those of `rank`, taken from
    CURVE_DAYS to the horizon.  Where no model knows any of the items, the
    share of the customer's likes in its category and brand stands for it.  has_consent: False keeps a customer
    out; called for the best ones until enough are found.  One customer at a time, so memory does not grow with the
    shop.
    """
    if not len(items):
        return []
    known = items[items < engine.n_items]
    users = _nearest_users(engine, catalogue, items, max(MOST_SCORED, 2 * limit), scope.among)
    scores = (
        _by_probability(engine, catalogue, known, users, scope)
        if len(known)
        else _by_category(engine, catalogue, items, users, scope)
    )
    members: list[AudienceMember] = []
    for user, item, score, source, _ in sorted(scores, key=_UserScore.order):
        if len(members) >= limit:
            break
        user_id = engine.users[user]
        if has_consent(user_id):
            members.append(AudienceMember(user_id, score, catalogue.item_id(item), source))
    return members


class _UserScore(NamedTuple):
    """One customer and their best item.  tie_break: tells customers apart whose scores are equal, as all are beyond
    the end of a curve."""

    user: int
    item: int
    score: float
    source: str
    tie_break: float = 0.0

    def order(self) -> tuple[float, bool, float, int]:
        """Best first, of equal scores those who had the item before."""
        return -self.score, self.source != AGAIN, -self.tie_break, self.user


def _by_probability(
    engine: Engine, catalogue: Catalogue, items: Ints, users: Ints, scope: AudienceScope
) -> Iterator[_UserScore]:
    horizon = None if scope.days is None else horizon_chances(engine, items, scope.days)
    for user in users.tolist():
        scope.pause()
        history = engine.history_at(user)
        probabilities = purchase_probabilities(engine, history, _best_new(engine, user, history, catalogue), items)
        if horizon is not None:
            probabilities = horizon.applied_to(probabilities, user)
        at = probabilities.best()
        if at is not None:
            source = AGAIN if probabilities.is_again[at] else NEW
            score, tie_break = float(probabilities.probability[at]), float(probabilities.score[at])
            yield _UserScore(user, int(items[at]), score, source, tie_break)


def _best_new(engine: Engine, user: int, history: Histories, catalogue: Catalogue) -> CandidateLists:
    """The best new items of each model: as training prepared them, else worked out now."""
    prepared = engine.candidate_cache.precomputed
    lists = prepared.find(user) if prepared is not None else None
    if lists is None:
        return unseen_candidates(engine, history, Eligibility(catalogue.is_listed), BLEND_DEPTH)
    return tuple(Candidates(candidates.items[:BLEND_DEPTH], candidates.scores[:BLEND_DEPTH]) for candidates in lists)


def _by_category(
    engine: Engine, catalogue: Catalogue, items: Ints, users: Ints, scope: AudienceScope
) -> Iterator[_UserScore]:
    """By the share of likes in the same category, more in the same brand: nobody has chosen these items yet."""
    for user in users.tolist():
        scope.pause()
        liked, weight = engine.history_at(user).item_weights(TASTE_HALF_LIFE_DAYS)
        liked, weight = liked[weight > 0], weight[weight > 0]
        brand = _share(catalogue.brand, items, liked, weight)
        scores = _share(catalogue.category, items, liked, weight) * (1 + brand) / 2
        at = int(np.argmax(scores))
        if scores[at] > 0:
            yield _UserScore(user, int(items[at]), float(scores[at]), "new_arrivals")


def _share(labels: LabelColumn, items: Ints, liked: Ints, weight: Floats) -> Doubles:
    """Share of the likes that have each item's label, 0 for items without one.  (K,)"""
    total = np.bincount(labels.codes[liked], weight, minlength=len(labels.words)).astype(np.float64)
    total[0] = 0.0
    return total[labels.codes[items]] / max(float(weight.sum(dtype=np.float64)), 1e-12)


def _nearest_users(engine: Engine, catalogue: Catalogue, items: Ints, most: int, among: Bools | None) -> Ints:
    """The customers to score, by position: all with a history, or those whose events are nearest to the items."""
    offsets = engine.histories.offsets
    users = np.flatnonzero(np.diff(offsets) > 0 if among is None else (np.diff(offsets) > 0) & among)
    if len(users) <= most:
        return users.astype(np.int32)
    relevance = _relevance(engine, catalogue, items)
    nearness = np.zeros(len(offsets) - 1, np.float32)
    for first, end in _blocks(offsets):
        events = slice(int(offsets[first]), int(offsets[end]))
        owner = np.repeat(np.arange(end - first), np.diff(offsets[first : end + 1]))
        nearness[first:end] = np.bincount(owner, relevance[engine.histories.item[events]], minlength=end - first)
    return np.sort(users[top_k(nearness[users], most)]).astype(np.int32)


def _relevance(engine: Engine, catalogue: Catalogue, items: Ints) -> Floats:
    """How much an event with each item says about these: 1 for themselves, less for neighbours, then the category."""
    relevance = np.zeros(engine.n_items, np.float32)
    categories = np.unique(catalogue.category.codes[items])
    relevance[np.isin(catalogue.category.codes[: engine.n_items], categories[categories > 0])] = 0.01
    known = items[items < engine.n_items]
    weight = engine.popularity.weight[known]
    for item in known[top_k(weight, MOST_TARGETS)].tolist():
        if engine.item_neighbours is not None:
            others, similarity = engine.item_neighbours.similar(item, NEIGHBOURS)
            relevance[others] = np.maximum(relevance[others], similarity)
    relevance[known] = 1.0
    return relevance


def _blocks(offsets: Longs) -> Iterator[tuple[int, int]]:
    """First and end of ranges of customers with some EVENTS_AT_ONCE events each."""
    first, n = 0, len(offsets) - 1
    while first < n:
        end = int(offsets.searchsorted(offsets[first] + EVENTS_AT_ONCE, "right")) - 1
        end = min(max(end, first + 1), n)
        yield first, end
        first = end

"""Who wants it: the customers most likely to buy an item, or one of many, and the customers most like another."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, top_k
from recsys.data.catalogue.catalogue import Catalogue, LabelColumn
from recsys.data.dataset.histories import Histories
from recsys.data.store.consent import ConsentCheck
from recsys.engine.candidate_cache import CandidateLists
from recsys.engine.engine import Engine
from recsys.ranking.candidates.sources import BLEND_DEPTH, lists_of
from recsys.ranking.context.context import TASTE_DAYS
from recsys.ranking.targeting.purchase_probability import AGAIN, NEW, purchase_probabilities

MOST_ASKED = 5_000  # customers who are looked at one by one, or two for each place; of more, those nearest to the items
MOST_TARGETS = 50  # items, best-sellers first, that tell which histories are near
NEIGHBOURS = 200
EVENTS_AT_ONCE = 4_000_000


class AudienceMember(NamedTuple):
    """A customer, the item they are most likely to buy, and the chance of it; source says by what."""

    user_id: str
    score: float
    item_id: str
    source: str


def audience_of(
    engine: Engine, catalogue: Catalogue, items: Ints, *, limit: int, has_consent: ConsentCheck
) -> list[AudienceMember]:
    """The customers of the release most likely to buy one of the items, best first, ties by position; at most `limit`.

    items: positions, each once.  Their chances are those of `rank`; where no item is known to any model, the share of
    the customer's likes that is of its category and brand stands for it.  has_consent: False keeps a customer
    out; asked of the best ones until enough are found.  One customer at a time, so memory does not grow with the shop.
    """
    if not len(items):
        return []
    known = items[items < engine.n_items]
    users = _near(engine, catalogue, items, max(MOST_ASKED, 2 * limit))
    found = _by_chance(engine, catalogue, known, users) if len(known) else _by_kind(engine, catalogue, items, users)
    return list(_admitted(found, engine, catalogue, limit, has_consent))


class _Targets(NamedTuple):
    """Of each customer (n,): position, best item, score, and whether they had it before, and the name of else.

    finer: what tells customers apart whose scores are equal, as all are beyond the end of a curve.
    """

    users: Ints
    items: Ints
    scores: Doubles
    is_again: Bools
    finer: Doubles
    source: str


def _by_chance(engine: Engine, catalogue: Catalogue, items: Ints, users: Ints) -> _Targets:
    n = len(users)
    found = _Targets(users, np.zeros(n, np.int32), np.zeros(n), np.zeros(n, bool), np.zeros(n), NEW)
    for at, user in enumerate(users.tolist()):
        time.sleep(0)  # others on this interpreter wait for answers
        history = engine.history_at(user)
        wants = purchase_probabilities(engine, history, _best_new(engine, user, history, catalogue), items)
        order = wants.order()
        if len(order):
            best = int(order[0])
            found.items[at], found.scores[at] = items[best], wants.chance[best]
            found.is_again[at], found.finer[at] = wants.is_again[best], wants.score[best]
    return found


def _best_new(engine: Engine, user: int, history: Histories, catalogue: Catalogue) -> CandidateLists:
    """As training prepared them, else found now."""
    prepared = engine.candidate_cache.precomputed
    lists = prepared.find(user) if prepared is not None else None
    if lists is None:
        return lists_of(engine, history, catalogue.is_listed, BLEND_DEPTH)
    return tuple(type(part)(part.items[:BLEND_DEPTH], part.scores[:BLEND_DEPTH]) for part in lists)


def _by_kind(engine: Engine, catalogue: Catalogue, items: Ints, users: Ints) -> _Targets:
    """By the share of likes of the same category, more within the same brand: nobody has chosen these items yet."""
    n = len(users)
    found = _Targets(users, np.full(n, items[0]), np.zeros(n), np.zeros(n, bool), np.zeros(n), "new_arrivals")
    for at, user in enumerate(users.tolist()):
        time.sleep(0)
        liked, weight = engine.history_at(user).item_weights(TASTE_DAYS)
        liked, weight = liked[weight > 0], weight[weight > 0]
        brand = _share(catalogue.brand, items, liked, weight)
        score = _share(catalogue.category, items, liked, weight) * (1 + brand) / 2
        best = int(np.argmax(score))
        found.items[at], found.scores[at] = items[best], score[best]
    return found


def _share(labels: LabelColumn, items: Ints, liked: Ints, weight: Floats) -> Doubles:
    """Part of the likes that carry each item's label, 0 for items without one.  (K,)"""
    total = np.bincount(labels.codes[liked], weight, minlength=len(labels.words)).astype(np.float64)
    total[0] = 0.0
    return total[labels.codes[items]] / max(float(weight.sum(dtype=np.float64)), 1e-12)


def _admitted(
    found: _Targets, engine: Engine, catalogue: Catalogue, limit: int, has_consent: ConsentCheck
) -> Iterator[AudienceMember]:
    order = np.lexsort((found.users, -found.finer, ~found.is_again, -found.scores))
    order = order[found.scores[order] > 0]
    for at in order.tolist():
        if limit <= 0:
            return
        user_id = engine.users[int(found.users[at])]
        if has_consent(user_id):
            limit -= 1
            source = AGAIN if found.is_again[at] else found.source
            yield AudienceMember(user_id, float(found.scores[at]), catalogue.item_id(int(found.items[at])), source)


def _near(engine: Engine, catalogue: Catalogue, items: Ints, most: int) -> Ints:
    """The customers to look at, by position: all with a history, or those with the most to do with the items."""
    offsets = engine.histories.offsets
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled) <= most:
        return filled.astype(np.int32)
    tells = _telling(engine, catalogue, items)
    nearness = np.zeros(len(offsets) - 1, np.float32)
    for first, end in _blocks(offsets):
        events = slice(int(offsets[first]), int(offsets[end]))
        owner = np.repeat(np.arange(end - first), np.diff(offsets[first : end + 1]))
        nearness[first:end] = np.bincount(owner, tells[engine.histories.item[events]], minlength=end - first)
    return np.sort(filled[top_k(nearness[filled], most)]).astype(np.int32)


def _telling(engine: Engine, catalogue: Catalogue, items: Ints) -> Floats:
    """What an event with each item says of wanting these: most with themselves, then neighbours, then their kind."""
    tells = np.zeros(engine.n_items, np.float32)
    kinds = np.unique(catalogue.category.codes[items])
    tells[np.isin(catalogue.category.codes[: engine.n_items], kinds[kinds > 0])] = 0.01
    known = items[items < engine.n_items]
    weight = engine.popularity.weight[known]
    for item in known[top_k(weight, MOST_TARGETS)].tolist():
        if engine.item_neighbours is not None:
            others, similarity = engine.item_neighbours.similar(item, NEIGHBOURS)
            tells[others] = np.maximum(tells[others], similarity)
    tells[known] = 1.0
    return tells


def _blocks(offsets: Longs) -> Iterator[tuple[int, int]]:
    """First and end of stretches of customers with some EVENTS_AT_ONCE events each."""
    first, n = 0, len(offsets) - 1
    while first < n:
        end = int(offsets.searchsorted(offsets[first] + EVENTS_AT_ONCE, "right")) - 1
        end = min(max(end, first + 1), n)
        yield first, end
        first = end

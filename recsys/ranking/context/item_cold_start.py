"""Items that came after everything was learnt: no event tells of them, so what they are like has to."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from recsys.arrays import Bools, Doubles, Ints, Longs, top_k
from recsys.data.catalogue.catalogue import Catalogue, LabelColumn
from recsys.data.dataset.item_features import WORD
from recsys.data.events import Event
from recsys.engine.engine import Engine
from recsys.engine.new_items import NEW_DAYS
from recsys.models.candidates import NOBODY, Candidates

MOST = 1_000  # newest ones that are looked at
TOP_KINDS = 5  # categories and brands of which customers want to hear what is new
ALIKE = 0.3  # part of the words that two names share, from which they tell of two things of one kind
FEW, MOST_NAMED = 5, 200  # names that are compared, and with those of how many of the newest

Liked = tuple[Ints, Doubles]  # items, also those that came later, and how much each counts


def newcomers_of(engine: Engine, catalogue: Catalogue, allowed: Bools, now: float) -> Ints:
    """Items that may be shown and of which no model knows, oldest first.  now: days since 1970.  (<= MOST,)"""
    n = engine.n_items
    late = np.flatnonzero(allowed[n:]) + n
    young = engine.new_items.still_new(now)
    late = np.concatenate((young[allowed[young]], late))
    if catalogue.has_dates:
        opened = (catalogue.opens[:n] > now - NEW_DAYS) & (engine.popularity.weight <= 0) & allowed[:n]
        late = np.union1d(np.flatnonzero(opened), late)
    return late[-MOST:].astype(np.int32)


def new_item_scores(liked: Liked, newcomers: Ints, catalogue: Catalogue, *, by_name: bool) -> Candidates:
    """The newcomers of a kind with what is liked, nearest first; of equals lots decide, other ones for other likes.

    By category, within it by brand; `by_name`: also those whose names share words, for likes that are few.
    """
    items, weight = liked
    if not len(newcomers) or not len(items):
        return NOBODY
    category, brand = (_shares(labels, items, weight) for labels in (catalogue.category, catalogue.brand))
    score = category[catalogue.category.codes[newcomers]] * (1 + brand[catalogue.brand.codes[newcomers]])
    if by_name:
        score[-MOST_NAMED:] += _name_likeness(items[:FEW], newcomers[-MOST_NAMED:], catalogue)
    near = np.flatnonzero(score > 0)
    order = near[np.lexsort((_lots(newcomers[near], items), -score[near]))]
    return Candidates(newcomers[order], score[order].astype(np.float32))


def _lots(newcomers: Ints, items: Ints) -> Longs:
    """A number for each, the same for the same likes: with a place in ten for all, each has its turn with somebody."""
    salt = np.uint64(int(items.sum(dtype=np.int64)) * 0xD1B54A32D192ED03 % 2**63)
    mixed = (newcomers.astype(np.uint64) + salt) * np.uint64(
        0x9E3779B97F4A7C15
    )  # Knuth 1973, section 6.4: golden ratio
    return (mixed >> np.uint64(33)).astype(np.int64)


def _shares(labels: LabelColumn, items: Ints, weight: Doubles) -> Doubles:
    """Part of the likes with each label, 0 for all but the foremost.  (words,)"""
    total = np.bincount(labels.codes[items], weight, minlength=len(labels.words)).astype(np.float64)
    total[0] = 0.0
    kept = top_k(total.astype(np.float32), TOP_KINDS)
    share = np.zeros(len(total))
    share[kept] = total[kept] / max(float(weight.sum()), float(np.finfo(np.float64).tiny))
    return share


def _name_likeness(items: Ints, newcomers: Ints, catalogue: Catalogue) -> Doubles:
    """Jaccard of the words of names, with the nearest of the items; 0 below ALIKE.  (N,)"""
    known = [_words(catalogue.name(item) or "") for item in items.tolist()]
    named = (_words(catalogue.name(item) or "") for item in newcomers.tolist())
    nearest = np.array([max(_jaccard(words, other) for other in known) for words in named])
    return np.where(nearest >= ALIKE, nearest, 0.0)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


@lru_cache(maxsize=16_384)
def _words(name: str) -> frozenset[str]:
    """Without numbers: the size of a pack says nothing of what is in it."""
    return frozenset(word for word in WORD.findall(name.lower()) if not re.search(r"\d", word))


def late_events(events: Sequence[Event], catalogue: Catalogue, n_items: int) -> list[tuple[int, Event]]:
    """Position and event of each item that came after the first n_items."""
    if not catalogue.new_ids:
        return []
    found = ((catalogue.position(event.item_id), event) for event in events)
    return [(item, event) for item, event in found if item >= n_items]

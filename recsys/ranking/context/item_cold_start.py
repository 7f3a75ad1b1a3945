"""Item cold start: items added after training have no events, so their category, brand and name are used."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from recsys.arrays import Doubles, Ints, Longs, top_k
from recsys.data.catalogue.catalogue import Catalogue, LabelColumn
from recsys.data.dataset.item_features import WORD
from recsys.data.events import PURCHASE, RETURN, Event
from recsys.engine.engine import Engine
from recsys.engine.new_items import NEW_DAYS
from recsys.models.candidates import NO_CANDIDATES, Candidates
from recsys.ranking.filters.eligibility import Eligibility

MOST = 1_000  # newest items that are considered
TOP_KINDS = 5  # favourite categories and brands of a customer whose new items count
ALIKE = 0.3  # minimum share of common words for two names to be of one kind
FEW, MOST_NAMED = 5, 200  # liked items whose names are compared, and newest items they are compared with

Liked = tuple[Ints, Doubles]  # items, also those added after training, and the weight of each


def find_cold_items(engine: Engine, catalogue: Catalogue, eligible: Eligibility, now: float) -> Ints:
    """The eligible items that no model knows, oldest first.  now: days since 1970.  (<= MOST,)"""
    n, mask = engine.n_items, eligible.mask
    items = engine.new_items.still_new(now)
    items = np.concatenate((items[mask[items]], np.flatnonzero(mask[n:]) + n))
    if catalogue.has_dates:
        mask = (catalogue.opens[:n] > now - NEW_DAYS) & (engine.popularity.weight <= 0) & mask[:n]
        items = np.union1d(np.flatnonzero(mask), items)
    return items[-MOST:].astype(np.int32)


def cold_start_candidates(liked: Liked, items: Ints, catalogue: Catalogue, *, by_name: bool) -> Candidates:
    """Those of the items that are of a liked kind, nearest first; equal ones in an order that the liked items decide.

    By category, within it by brand.  by_name: items whose names share words count too, for a customer who likes few.
    """
    liked_items, weight = liked
    if not len(items) or not len(liked_items):
        return NO_CANDIDATES
    category, brand = (_shares(labels, liked_items, weight) for labels in (catalogue.category, catalogue.brand))
    score = category[catalogue.category.codes[items]] * (1 + brand[catalogue.brand.codes[items]])
    if by_name:
        score[-MOST_NAMED:] += _name_similarity(items[-MOST_NAMED:], liked_items[:FEW], catalogue)
    near = np.flatnonzero(score > 0)
    order = near[np.lexsort((_tie_breaks(items[near], liked_items), -score[near]))]
    return Candidates(items[order], score[order].astype(np.float32))


def _tie_breaks(items: Ints, liked_items: Ints) -> Longs:
    """A number for each item, fixed by the liked items, so that every item comes first for some customer."""
    salt = np.uint64(int(liked_items.sum(dtype=np.int64)) * 0xD1B54A32D192ED03 % 2**63)
    golden_ratio = np.uint64(0x9E3779B97F4A7C15)  # Knuth 1973, section 6.4
    return ((items.astype(np.uint64) + salt) * golden_ratio >> np.uint64(33)).astype(np.int64)


def _shares(labels: LabelColumn, items: Ints, weight: Doubles) -> Doubles:
    """Share of the weight that each label has, 0 for all but the TOP_KINDS largest.  (words,)"""
    total = np.bincount(labels.codes[items], weight, minlength=len(labels.words)).astype(np.float64)
    total[0] = 0.0
    kept = top_k(total.astype(np.float32), TOP_KINDS)
    share = np.zeros(len(total))
    share[kept] = total[kept] / max(float(weight.sum()), float(np.finfo(np.float64).tiny))
    return share


def _name_similarity(items: Ints, liked_items: Ints, catalogue: Catalogue) -> Doubles:
    """Jaccard index of the words of the names, with the most similar of the liked items; 0 below ALIKE.  (N,)"""
    liked = [_words(catalogue.name(item) or "") for item in liked_items.tolist()]
    names = (_words(catalogue.name(item) or "") for item in items.tolist())
    nearest = np.array([max(_jaccard(words, other) for other in liked) for words in names])
    return np.where(nearest >= ALIKE, nearest, 0.0)


def _jaccard(words: frozenset[str], other: frozenset[str]) -> float:
    return len(words & other) / len(words | other) if words and other else 0.0


@lru_cache(maxsize=16_384)
def _words(name: str) -> frozenset[str]:
    """The words of a name without those that hold a digit: the size of a pack does not describe its content."""
    return frozenset(word for word in WORD.findall(name.lower()) if not re.search(r"\d", word))


def cold_item_events(events: Sequence[Event], catalogue: Catalogue, n_items: int) -> Sequence[tuple[int, Event]]:
    """Position and event of each item that was added after the first n_items."""
    if not catalogue.new_ids:
        return ()
    item_events = ((catalogue.position(event.item_id), event) for event in events)
    return [(item, event) for item, event in item_events if item >= n_items]


def sent_back_cold_items(events: Sequence[tuple[int, Event]]) -> frozenset[int]:
    """The items of those events, oldest first, of which all units that were bought have been sent back."""
    kept: dict[int, float] = {}
    for item, event in events:
        if event.kind == PURCHASE:
            kept[item] = max(kept.get(item, 0.0), 0.0) + event.quantity
        elif event.kind == RETURN:
            kept[item] = kept.get(item, 0.0) - event.quantity
    return frozenset(item for item, n in kept.items() if n <= 0)

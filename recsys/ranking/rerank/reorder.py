"""Reordering of candidates: boosts and demotions, exploration (Plackett-Luce) and diversity (MMR)."""

import hashlib
import math
from collections.abc import Sequence

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.engine.engine import Engine
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.sources import unit

STEADINESS = 2.0  # the first of many candidates keeps its place in some six of ten explorations


def boosted(scored: Sequence[ScoredItem], factors: Doubles, demotions: Doubles) -> tuple[list[ScoredItem], list[float]]:
    """In order of place / factor + demotion, and that number of each.  A factor of 2 brings the tenth to place five.

    factors, demotions (N,).  Places, not scores, are divided: scores of different sources are not comparable.  Of equal
    numbers the larger factor comes first, then the higher place.
    """
    places = np.arange(1, len(scored) + 1) / factors + demotions
    order = np.lexsort((-factors, places)).tolist()
    return [scored[at] for at in order], places[order].tolist()


def explored(
    scored: Sequence[ScoredItem], places: Sequence[float], seed: int, catalogue: Catalogue
) -> list[ScoredItem]:
    """Items drawn one after the other, each with a probability in proportion to 1 / place squared; one seed, one order.

    Gumbel noise on the logarithm of the weight draws so (Plackett-Luce; Kool, van Hoof & Welling 2019).  The noise
    depends on seed and item id alone, so that a list changes little during a visit.  `probability` of each item is
    its weight over that of all items left when it was drawn: the probability of the order is their product.
    """
    keys = [
        STEADINESS * math.log(place) - _gumbel(seed, catalogue.label(candidate.item).item_id)
        for candidate, place in zip(scored, places, strict=True)
    ]
    order = sorted(range(len(scored)), key=keys.__getitem__)
    weights = weights_of([places[at] for at in order])
    left = np.cumsum(weights[::-1])[::-1]
    drawn = zip(order, (weights / left).tolist(), strict=True)
    return [scored[at]._replace(probability=probability) for at, probability in drawn]


def weights_of(places: Sequence[float]) -> Doubles:
    """What each item is drawn in proportion to.  (N,) -> (N,)"""
    weights: Doubles = np.array(places) ** -STEADINESS
    return weights


def diverse(scored: Sequence[ScoredItem], n: int, diversity: float, similarity: Floats) -> list[ScoredItem]:
    """The first n chosen anew, each good and unlike those above it; the others keep their order.

    Carbonell & Goldstein 1998 (maximal marginal relevance) with lambda = 1 - diversity; the relevance of an item falls
    with its place, from 1 down to 0.  similarity (N, N): see `similarities`.  Ties go to the higher place.
    """
    n_scored = len(scored)
    relevance = (1.0 - diversity) * (1.0 - np.arange(n_scored) / max(1, n_scored))
    nearest = np.full(n_scored, -np.inf)
    left = np.ones(n_scored, bool)
    chosen: list[int] = []
    for _ in range(min(n, n_scored)):
        scores: Doubles = relevance - diversity * nearest if chosen else relevance
        scores[~left] = -np.inf
        at = int(np.argmax(scores)) if chosen else 0
        chosen.append(at)
        left[at] = False
        np.maximum(nearest, similarity[at], out=nearest)
    return [scored[at] for at in (*chosen, *np.flatnonzero(left))]


def similarities(scored: Sequence[ScoredItem], engine: Engine, catalogue: Catalogue) -> Floats:
    """Similarity of each pair of items, from 0 to 1.  (N, N)

    The cosine of their vectors; where one of the two has none, whether both are of one category.
    """
    items = np.array([candidate.item for candidate in scored], np.int32)
    category = catalogue.category.codes[items]
    is_same: Bools = (category[:, None] == category[None, :]) & (category > 0)[None, :]
    vectors = _vectors(items, engine)
    if vectors is None:
        return is_same.astype(np.float32)
    has_vector: Bools = np.einsum("ij->i", vectors * vectors) > 0
    both: Bools = has_vector[:, None] & has_vector[None, :]
    return np.where(both, np.clip(vectors @ vectors.T, 0.0, 1.0), is_same).astype(np.float32)


def _vectors(items: Ints, engine: Engine) -> Floats | None:
    """At length 1, zeros for items that no model knows; None where no model has vectors."""
    item_vectors = engine.item_vectors
    if item_vectors is None:
        return None
    vectors = np.zeros((len(items), item_vectors.shape[1]), np.float32)
    is_known = items < engine.n_items
    vectors[is_known] = item_vectors[items[is_known]]
    return unit(vectors)


def _gumbel(seed: int, item_id: str) -> float:
    digest = hashlib.blake2b(f"{seed}/{item_id}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest) + 0.5) / 2**64
    return -math.log(-math.log(uniform))

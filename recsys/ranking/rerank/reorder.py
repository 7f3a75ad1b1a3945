"""Another order for the same candidates: places raised and lowered, explored, and made less alike."""

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


def boosted(picks: Sequence[ScoredItem], factors: Doubles, sunk: Doubles) -> tuple[list[ScoredItem], list[float]]:
    """In order of place over factor, and that number of each.  A factor of 2 brings the tenth to the fifth place.

    factors (N,).  sunk (N,): places further down, after that.  Places, not scores, are divided: scores of different
    sources do not compare.  Of equal numbers the greater factor comes first, then the higher place.
    """
    places = np.arange(1, len(picks) + 1) / factors + sunk
    order = np.lexsort((-factors, places)).tolist()
    return [picks[at] for at in order], places[order].tolist()


def explored(picks: Sequence[ScoredItem], places: Sequence[float], seed: int, catalogue: Catalogue) -> list[ScoredItem]:
    """Drawn one after the other, each with a chance in proportion to 1 / place squared; one seed, one order.

    Gumbel noise on the logarithm of the weight draws so (Plackett-Luce; Kool, van Hoof & Welling 2019).  The noise
    hangs on seed and item id alone, so that a list changes little while a visit goes on.  `probability` of each is
    its weight over those of all that were left when it was drawn: the chance of this order is their product.
    """
    lot = [
        STEADINESS * math.log(place) - _gumbel(seed, catalogue.label(pick.item).item_id)
        for pick, place in zip(picks, places, strict=True)
    ]
    order = sorted(range(len(picks)), key=lot.__getitem__)
    weights = np.array([places[at] for at in order]) ** -STEADINESS
    left = np.cumsum(weights[::-1])[::-1]
    return [picks[at]._replace(probability=chance) for at, chance in zip(order, (weights / left).tolist(), strict=True)]


def diverse(picks: Sequence[ScoredItem], n: int, diversity: float, likeness: Floats) -> list[ScoredItem]:
    """The first n chosen anew, the others as they stood: each is good and unlike those above it.

    Carbonell & Goldstein 1998 (maximal marginal relevance) with lambda = 1 - diversity; the relevance of an item is
    how high it stands, from 1 down to 0.  likeness (N, N): see `alike`.  Ties go to the higher place.
    """
    n_picks = len(picks)
    good = (1.0 - diversity) * (1.0 - np.arange(n_picks) / max(1, n_picks))
    nearest = np.full(n_picks, -np.inf)
    left = np.ones(n_picks, bool)
    chosen: list[int] = []
    for _ in range(min(n, n_picks)):
        worth: Doubles = good - diversity * nearest if chosen else good
        worth[~left] = -np.inf
        at = int(np.argmax(worth)) if chosen else 0
        chosen.append(at)
        left[at] = False
        np.maximum(nearest, likeness[at], out=nearest)
    return [picks[at] for at in (*chosen, *np.flatnonzero(left))]


def alike(picks: Sequence[ScoredItem], engine: Engine, catalogue: Catalogue) -> Floats:
    """How alike the items are, from 0 to 1.  (N, N)

    The cosine of their vectors; where one of the two has none, whether both are of one category.
    """
    items = np.array([pick.item for pick in picks], np.int32)
    category = catalogue.category.codes[items]
    same: Bools = (category[:, None] == category[None, :]) & (category > 0)[None, :]
    vectors = _vectors(items, engine)
    if vectors is None:
        return same.astype(np.float32)
    has_one: Bools = np.einsum("ij->i", vectors * vectors) > 0
    both: Bools = has_one[:, None] & has_one[None, :]
    return np.where(both, np.clip(vectors @ vectors.T, 0.0, 1.0), same).astype(np.float32)


def _vectors(items: Ints, engine: Engine) -> Floats | None:
    """At length 1, zeros for items no model knows; None where no model has vectors."""
    whole = engine.item_vectors
    if whole is None:
        return None
    vectors = np.zeros((len(items), whole.shape[1]), np.float32)
    known = items < engine.n_items
    vectors[known] = whole[items[known]]
    return unit(vectors)


def _gumbel(seed: int, item_id: str) -> float:
    drawn = hashlib.blake2b(f"{seed}/{item_id}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(drawn) + 0.5) / 2**64
    return -math.log(-math.log(uniform))

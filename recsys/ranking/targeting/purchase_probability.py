"""How likely a customer is to buy each of some items: what lists of the shop's own and audiences are ordered by."""

from typing import NamedTuple, cast

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.engine.candidate_cache import CandidateLists
from recsys.engine.engine import Engine
from recsys.models.base import OwnItemsModel, VectorModel
from recsys.ranking.context.context import owned_items

AGAIN, NEW = "buy_again", "discover"
TINY = 1e-12


class PurchaseProbabilities(NamedTuple):
    """chance (K,): of a purchase, 0 where nothing speaks for one.  is_again (K,): because it was bought before.

    score (K,): what the chance was read from; it tells items apart where the curve is flat.
    """

    chance: Doubles
    is_again: Bools
    score: Doubles

    def order(self) -> Longs:
        """Where those with a chance stand, the likeliest first, ties by position."""
        order = np.lexsort((np.arange(len(self.chance)), -self.score, ~self.is_again, -self.chance))
        return order[self.chance[order] > 0]


def purchase_probabilities(
    engine: Engine, history: Histories, best_new: CandidateLists, items: Ints
) -> PurchaseProbabilities:
    """What one customer wants of K items that the release knows: to buy again, or new, whichever is more likely.

    best_new: the best new things of each voice of the blend, which set the scale, as they do for lists of new things.
    Chances come from the curves that training learnt.  A shop too young for curves has shares instead, of what was
    bought and of what is new, in the proportion in which its customers buy again.
    """
    again, new = _again(engine, history, items), _new(engine, history, best_new, items)
    if AGAIN in engine.calibrations and NEW in engine.calibrations:
        likely, fresh = _chance(engine, AGAIN, again), _chance(engine, NEW, new)
    else:
        total = max(float(_own(engine, history)[1].sum(dtype=np.float64)), TINY)
        likely, fresh = again * (engine.repeat_share / total), new * (1 - engine.repeat_share)
    is_again = likely >= fresh
    return PurchaseProbabilities(np.maximum(likely, fresh), is_again, np.where(is_again, again, new))


def _chance(engine: Engine, source: str, scores: Doubles) -> Doubles:
    return np.where(scores > 0, engine.calibrations[source].apply(scores.astype(np.float32)), 0.0)


def _again(engine: Engine, history: Histories, items: Ints) -> Doubles:
    """Scores of what the customer bought before, 0 for all else."""
    own, scores = _own(engine, history)
    found = np.zeros(len(items))
    at, mine = _places(own, items)
    found[mine] = scores[at[mine]]
    return found


def _places(rising: Ints, items: Ints) -> tuple[Longs, Bools]:
    """Where each item stands in a rising column, and whether it does.  (N,), (K,) -> (K,), (K,)"""
    if not len(rising):
        return np.zeros(len(items), np.int64), np.zeros(len(items), bool)
    at: Longs = np.minimum(rising.searchsorted(items), len(rising) - 1)
    return at, np.equal(rising[at], items)


def _own(engine: Engine, history: Histories) -> tuple[Ints, Floats]:
    model = cast(OwnItemsModel | None, engine.models.get(AGAIN))
    return model.score_own(history) if model is not None else (np.empty(0, np.int32), np.empty(0, np.float32))


def _new(engine: Engine, history: Histories, best_new: CandidateLists, items: Ints) -> Doubles:
    """The blend of what the customer has never had, each voice in parts of its best; 0 for what was had."""
    blend = np.zeros(len(items))
    if not len(history.item):
        return blend
    for (name, weight), part in zip(engine.active_models.items(), best_new, strict=True):
        total = float(part.scores.sum(dtype=np.float64))
        if total > 0:
            blend += np.maximum(scores_at(engine, name, history, items), 0) * (weight / total)
    blend[_places(owned_items(history), items)[1]] = 0
    return blend


def scores_at(engine: Engine, name: str, history: Histories, items: Ints) -> Floats:
    """What one model gives K items for one history.  (K,)"""
    model = engine.models[name]
    if name in engine.vector_models:
        vectors = cast(VectorModel, model)
        return np.asarray(vectors.item_vectors[items] @ vectors.embed(history)[0], np.float32)
    return np.asarray(model.score(history)[0][items], np.float32)

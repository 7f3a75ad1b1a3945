"""Purchase probability (propensity): how likely a customer is to buy each of some items."""

from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs
from recsys.customers.prediction.needs import need_pairs
from recsys.data.dataset.histories import Histories
from recsys.data.ids import MISSING
from recsys.engine.candidate_cache import CandidateLists
from recsys.engine.engine import Engine
from recsys.models.base import OwnItemsModel
from recsys.models.buy_again import BuyAgainModel
from recsys.ranking.candidates.sources import model_scores
from recsys.ranking.context.context import owned_items

AGAIN, NEW = "buy_again", "discover"
TINY = 1e-12
CURVE_DAYS = 28.0  # the horizon that curves are learnt over, unless the settings say otherwise


class PurchaseProbabilities(NamedTuple):
    """probability (K,): of a purchase, 0 without any evidence.  is_again (K,): because it was bought before.

    score (K,): what the probability was read from; it tells items apart where the curve is flat.
    """

    probability: Doubles
    is_again: Bools
    score: Doubles

    def order(self) -> Longs:
        """The indices of those with a probability above 0, the likeliest first, ties by position."""
        order = np.lexsort((np.arange(len(self.probability)), -self.score, ~self.is_again, -self.probability))
        return order[self.probability[order] > 0]

    def best(self) -> int | None:
        """The first of `order`, without the order of the others; None where all probabilities are 0."""
        most = self.probability.max(initial=0.0)
        if not most > 0:
            return None
        ties = np.flatnonzero(self.probability == most)
        return int(ties[np.lexsort((ties, -self.score[ties], ~self.is_again[ties]))[0]])


def purchase_probabilities(
    engine: Engine, history: Histories, best_new: CandidateLists, items: Ints
) -> PurchaseProbabilities:
    """How likely one customer is to buy each of K items of the release: again, or new, whichever is more likely.

    best_new: the best new items of each model of the blend, which set the scale, as they do for lists of new items.
    Probabilities come from the curves of the training.  A shop too young for curves has shares instead, of what was
    bought and of what is new, in the proportion in which its customers buy again.
    """
    again, new = _again(engine, history, items), _new(engine, history, best_new, items)
    if AGAIN in engine.calibrations and NEW in engine.calibrations:
        n_events = len(history.item)
        likely, fresh = _calibrated(engine, AGAIN, again, n_events), _calibrated(engine, NEW, new, n_events)
    else:
        total = max(float(_own(engine, history)[1].sum(dtype=np.float64)), TINY)
        likely, fresh = again * (engine.repeat_share / total), new * (1 - engine.repeat_share)
    is_again = likely >= fresh
    return PurchaseProbabilities(np.maximum(likely, fresh), is_again, np.where(is_again, again, new))


@dataclass(frozen=True, slots=True)
class HorizonChances:
    """Chances to buy again within `days`: customer (P,), rising; place (P,) among the items; chance (P,)."""

    days: float
    customer: Longs
    place: Ints
    chance: Doubles

    def applied_to(self, probabilities: PurchaseProbabilities, user: int) -> PurchaseProbabilities:
        """The same within the horizon: needs where there are any, else the probability of lists, brought there."""
        own = slice(*self.customer.searchsorted([user, user + 1]))
        chance = 1 - (1 - probabilities.probability) ** (self.days / CURVE_DAYS)
        is_again = probabilities.is_again.copy()
        chance[self.place[own]], is_again[self.place[own]] = self.chance[own], True
        return PurchaseProbabilities(chance, is_again, probabilities.score)


def horizon_chances(engine: Engine, items: Ints, days: float) -> HorizonChances:
    """The chances of all customers to buy these items again; none where the release learnt no needs."""
    model = engine.models.get(AGAIN)
    if engine.needs is None or not isinstance(model, BuyAgainModel):
        return HorizonChances(days, np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))
    place = np.full(engine.n_items, MISSING, np.int32)
    place[items] = np.arange(len(items))
    pairs = need_pairs(model, engine.histories.where(place[engine.histories.item] != MISSING))
    return HorizonChances(days, pairs.customer, place[pairs.item], engine.needs.chance(pairs, days))


def _calibrated(engine: Engine, source: str, scores: Doubles, n_events: int) -> Doubles:
    chances = engine.calibrations[source].apply(scores.astype(np.float32), n_events)
    return np.where(scores > 0, chances, 0.0)


def _again(engine: Engine, history: Histories, items: Ints) -> Doubles:
    """Scores of the items that the customer bought before, 0 for all others."""
    own, own_scores = _own(engine, history)
    scores = np.zeros(len(items))
    at, is_own = _places(own, items)
    scores[is_own] = own_scores[at[is_own]]
    return scores


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
    """Blended scores of items that the customer never had, each model in shares of its best; 0 for owned items."""
    blend = np.zeros(len(items))
    if not len(history.item):
        return blend
    for (name, weight), candidates in zip(engine.active_models.items(), best_new, strict=True):
        total = float(candidates.scores.sum(dtype=np.float64))
        if total > 0:
            blend += np.maximum(model_scores(engine, name, history, items), 0) * (weight / total)
    blend[_places(owned_items(history), items)[1]] = 0
    return blend

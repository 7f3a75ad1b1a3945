"""Chances of one customer: to buy each item, to order anything, and baskets of their own money, within a horizon."""

from dataclasses import dataclass, replace

import numpy as np

from recsys.arrays import Doubles, Ints
from recsys.customers.card import known_costs
from recsys.customers.orders import Orders, build_orders, customer_lines
from recsys.customers.prediction.needs import need_pairs
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.models.buy_again import BuyAgainModel
from recsys.ranking.candidates.sources import BLEND_DEPTH, discover_candidates
from recsys.ranking.context.context import QueryContext, resolve
from recsys.ranking.filters.expression import AllOf
from recsys.ranking.placements import find_placement
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.evaluation import chances
from recsys.ranking.segments.expression import ChanceCondition
from recsys.ranking.segments.population import SegmentPopulation
from recsys.ranking.targeting.purchase_probability import AGAIN, CURVE_DAYS, purchase_probabilities

PLACEMENT = "home"  # resolves the history of the customer; its order is not read
MOST_BASKETS = 50  # the last ones say how large the next may be


@dataclass(frozen=True, slots=True)
class CustomerChances:
    """Chances of one customer within `days`.

    item (I,): to buy each item of the release, 0 without evidence.  order: to order anything, None where the release
    says nothing.  basket_money, basket_margin (N,): of the last MOST_BASKETS orders; NaN where a cost is unknown.
    """

    days: float
    item: Doubles
    order: float | None
    basket_money: Doubles
    basket_margin: Doubles


def customer_chances(
    recommender: Recommender, query: Query, person: SegmentPopulation | None, store: Store, days: float
) -> CustomerChances:
    """The chances of the customer of the query.  person: the same customer as a population of one, None without."""
    engine, catalogue = recommender.engine, recommender.catalogue
    placement = find_placement(recommender.placements, PLACEMENT)
    context = resolve(replace(query, placement=PLACEMENT), placement, engine, catalogue)
    orders = _last_orders(store, query, recommender)
    return CustomerChances(days, _item_chances(context, days), _order_chance(person, days), orders.money, orders.margin)


def _item_chances(context: QueryContext, days: float) -> Doubles:
    """Probabilities of lists, taken from their horizon to `days`; needs where there are any.  (I,)"""
    engine, history = context.engine, context.history
    items: Ints = np.arange(engine.n_items, dtype=np.int32)
    best_new = discover_candidates(context, BLEND_DEPTH)
    probability = purchase_probabilities(engine, history, best_new, items).probability
    within: Doubles = 1 - (1 - probability) ** (days / CURVE_DAYS)
    model = engine.models.get(AGAIN)
    if engine.needs is not None and isinstance(model, BuyAgainModel):
        pairs = need_pairs(model, history)
        within[pairs.item] = engine.needs.chance(pairs, days)
    return within


def _order_chance(person: SegmentPopulation | None, days: float) -> float | None:
    if person is None:
        return None
    try:
        chance = float(chances(person, ChanceCondition(None, None, days, AllOf(())))[0])
    except BadInput:
        return None
    return None if np.isnan(chance) else chance


def _last_orders(store: Store, query: Query, recommender: Recommender) -> Orders:
    """The orders that say how large the next one may be."""
    activity = store.user_activity(query.user_id or "")
    costs = known_costs(activity.item_id, recommender.engine.customers, recommender.catalogue)
    orders = build_orders(customer_lines(activity, costs), 1)
    return replace(orders, money=orders.money[-MOST_BASKETS:], margin=orders.margin[-MOST_BASKETS:])

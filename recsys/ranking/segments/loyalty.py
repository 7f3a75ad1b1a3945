"""Members of a loyalty programme as a condition on customers: tier and balance by their latest facts."""

import numpy as np

from recsys.arrays import Bools
from recsys.customers.history.loyalty import LoyaltyState, loyalty_states
from recsys.errors import BadInput
from recsys.ranking.segments.columns import passing_rows
from recsys.ranking.segments.expression import LoyaltyCondition
from recsys.ranking.segments.population import SegmentPopulation


def loyalty_members(population: SegmentPopulation, condition: LoyaltyCondition) -> Bools:
    """The members that pass.  (N,)  Raises BadInput where no facts are at hand."""
    if population.store is None:
        raise BadInput("in_loyalty: the loyalty facts of the shop are not known here; leave the condition out")
    states = _states(population)
    own = [states.get(user_id) for user_id in population.user_ids]
    passes: Bools = np.fromiter((state is not None and _fits(state, condition) for state in own), bool, len(own))
    if condition.balance is not None:
        balances = [np.nan if state is None or state.balance is None else state.balance for state in own]
        passes &= passing_rows(condition.balance, np.array(balances, np.float64))
    return passes


def _states(population: SegmentPopulation) -> dict[str, LoyaltyState]:
    """Of a few customers their own facts, of all those of the programme."""
    assert population.store is not None
    if population.is_whole:
        return loyalty_states(population.store.loyalty_facts())
    return loyalty_states(fact for user_id in population.user_ids for fact in population.store.user_facts(user_id))


def _fits(state: LoyaltyState, condition: LoyaltyCondition) -> bool:
    is_of = condition.programme is None or state.programme == condition.programme
    return is_of and (not condition.tiers or state.tier in condition.tiers)

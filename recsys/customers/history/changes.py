"""Changes of customers between two moments: stages crossed and value classes lost, by the same functions at both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Kinds, Longs
from recsys.customers.advocacy import advocates
from recsys.customers.orders import Orders
from recsys.customers.prediction.value import ValueModel, value_at, value_classes
from recsys.customers.stages import StageRule, stages_at
from recsys.data.facts import Fact
from recsys.data.ids import IdMap
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class CustomerMoves:
    """N customers who moved: position, number before and after, and the day since when it is so; (N,) each."""

    customer: Longs
    before: Kinds
    after: Kinds
    since_day: Longs


def stage_moves(
    orders: Orders, rule: StageRule, facts: Sequence[Fact], users: IdMap, *, since_ms: int, until_ms: int
) -> CustomerMoves:
    """Who is in another stage at `until_ms` than at `since_ms`, by what was known at each moment.

    facts: see `FactStore.recommendation_facts`.
    """
    before, after = (stages_at(orders, at_ms, rule, advocates(facts, users, at_ms)) for at_ms in (since_ms, until_ms))
    moved = np.flatnonzero(before.stage != after.stage)
    return CustomerMoves(moved, before.stage[moved], after.stage[moved], after.since_day[moved])


def value_falls(orders: Orders, model: ValueModel, *, since_ms: int, until_ms: int) -> CustomerMoves:
    """Whose value is in a lower class at `until_ms` than at `since_ms`, by what was known at each moment."""
    before, after = (value_classes(value_at(model, orders.until(at_ms), at_ms)) for at_ms in (since_ms, until_ms))
    fell = np.flatnonzero((after >= 0) & (before > after))
    return CustomerMoves(fell, before[fell], after[fell], np.full(len(fell), until_ms // DAY_MS))

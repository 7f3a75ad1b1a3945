"""Loyalty state of customers: programme, balance and tier, by the latest fact of each."""

from collections.abc import Iterable
from typing import NamedTuple

from recsys.data.facts import Fact, FactKind


class LoyaltyState(NamedTuple):
    """What the last fact says of a customer.  balance: points, None where it says none; tier: None without one."""

    programme: str
    balance: float | None
    tier: str | None
    at_ms: int


def loyalty_states(facts: Iterable[Fact]) -> dict[str, LoyaltyState]:
    """The latest state of each customer; of facts of the same moment the later one in the log counts."""
    states: dict[str, LoyaltyState] = {}
    for fact in facts:
        known = states.get(fact.user_id)
        if fact.kind == FactKind.LOYALTY and (known is None or fact.at_ms >= known.at_ms):
            states[fact.user_id] = LoyaltyState(fact.ref or "", fact.value, fact.text, fact.at_ms)
    return states

"""Loyalty programmes: participation, points earned and spent, tiers, and who is near the next one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from recsys.customers.history.loyalty import LoyaltyState, loyalty_states
from recsys.customers.population import MIN_GROUP
from recsys.data.facts import Fact, FactKind
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.data.store.consent import marketing_consent
from recsys.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class NearTier:
    """A customer who is near a tier.  missing: points to it, at least 0."""

    user_id: str
    balance: float
    tier: str
    missing: float


@dataclass(frozen=True, slots=True)
class TierCount:
    """Members of a tier; None where fewer than MIN_GROUP.  least: the lowest balance that any of them has."""

    tier: str
    customers: int | None
    least: float | None


@dataclass(frozen=True, slots=True)
class LoyaltyReport:
    """The programme as of now; nothing is said of fewer than MIN_GROUP members.

    share: members among the customers who bought, None where not known.  redemption: points spent per point earned,
    None where no points were earned.  near: who is `within` points of the next tier and did not refuse marketing.
    """

    members: int | None
    share: float | None
    earned: float | None
    spent: float | None
    redemption: float | None
    tiers: tuple[TierCount, ...]
    within: float
    near: tuple[NearTier, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_loyalty(store: Store, engine: Engine, log_seq: int, within: float) -> LoyaltyReport:
    """The programme by all its facts; buyers are those of the release.  Raises LogUnavailable."""
    facts = store.loyalty_facts()
    report = loyalty_report(facts, _share_of_buyers(engine, [*loyalty_states(facts)]), within)
    may_contact = marketing_consent(store, log_seq)
    return replace(report, near=tuple(row for row in report.near if may_contact(row.user_id)))


def _share_of_buyers(engine: Engine, member_ids: Sequence[str]) -> float | None:
    has_bought = engine.customers.has_bought() & engine.customers.is_counted
    positions = engine.users.positions(member_ids)
    return float(has_bought[positions[positions != MISSING]].sum() / has_bought.sum()) if has_bought.any() else None


def loyalty_report(facts: Sequence[Fact], share: float | None, within: float) -> LoyaltyReport:
    """Participation and redemption.  facts: of loyalty, in order of arrival.  share: of the buyers, who are members."""
    states = loyalty_states(facts)
    if len(states) < MIN_GROUP:
        return LoyaltyReport(None, None, None, None, None, tuple(_tier_counts(states)), within, ())
    earned, spent = _flows(facts)
    return LoyaltyReport(
        members=len(states),
        share=None if share is None else round(share, 4),
        earned=earned,
        spent=spent,
        redemption=round(spent / earned, 4) if earned > 0 else None,
        tiers=tuple(_tier_counts(states)),
        within=within,
        near=tuple(near_tiers(states, within)),
    )


def near_tiers(states: Mapping[str, LoyaltyState], within: float) -> list[NearTier]:
    """Customers whose balance is at most `within` points below a tier above theirs, the nearest first.

    The entry of a tier is the lowest balance of its members; a tier of fewer than MIN_GROUP members says nothing.
    """
    entries = sorted((count.least, count.tier) for count in _tier_counts(states) if count.least is not None)
    least = {tier: balance for balance, tier in entries}
    near = [
        NearTier(user_id, state.balance, tier, entry - state.balance)
        for user_id, state in states.items()
        if state.balance is not None
        for entry, tier in _next_tier(entries, state, least)
        if entry - state.balance <= within
    ]
    return sorted(near, key=lambda row: (row.missing, row.user_id))


def _next_tier(
    entries: Sequence[tuple[float, str]], state: LoyaltyState, least: Mapping[str, float]
) -> list[tuple[float, str]]:
    own = max(state.balance or 0.0, least.get(state.tier or "", -np.inf))
    return [(entry, tier) for entry, tier in entries if entry > own and tier != state.tier][:1]


def _tier_counts(states: Mapping[str, LoyaltyState]) -> Iterable[TierCount]:
    by_tier: dict[str, list[LoyaltyState]] = {}
    for state in states.values():
        if state.tier is not None:
            by_tier.setdefault(state.tier, []).append(state)
    for tier, members in sorted(by_tier.items()):
        balances = [state.balance for state in members if state.balance is not None]
        is_large = len(members) >= MIN_GROUP
        yield TierCount(tier, len(members) if is_large else None, min(balances) if is_large and balances else None)


def _flows(facts: Iterable[Fact]) -> tuple[float, float]:
    """Points earned and spent: rises and falls of each balance between its facts, from nothing."""
    last: dict[str, float] = {}
    earned = spent = 0.0
    for fact in sorted((each for each in facts if each.kind == FactKind.LOYALTY), key=lambda each: each.at_ms):
        if fact.value is not None:
            change = fact.value - last.get(fact.user_id, 0.0)
            last[fact.user_id] = fact.value
            earned, spent = earned + max(change, 0.0), spent + max(-change, 0.0)
    return earned, spent

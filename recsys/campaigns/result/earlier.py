"""Measured lift of earlier campaigns with the same goal: what the next one may expect."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recsys.campaigns.campaign import Campaign, all_campaigns
from recsys.campaigns.members import find_members
from recsys.campaigns.result.design import BEFORE_DAYS
from recsys.campaigns.result.estimates import CUPED, drawn_estimates
from recsys.campaigns.result.outcomes import ComparisonWindow, measure_outcomes
from recsys.customers.orders import Orders
from recsys.customers.population import MIN_GROUP
from recsys.data.ids import IdMap
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Arm
from recsys.inference.sample_ratio import MISMATCH, sample_ratio_test
from recsys.inference.welch import Effect
from recsys.time_units import DAY_MS

MOST_CAMPAIGNS = 10  # the latest; an older lift says less about the next


class EarlierLift(NamedTuple):
    """The lift of money of the treated of all these campaigns together, as a share; campaigns: their ids."""

    lift: float
    campaigns: Sequence[str]


def earlier_lift(store: Store, orders: Orders, users: IdMap, goal: str, as_of_ms: int) -> EarlierLift | None:
    """CUPED of the drawn campaigns with that goal that were read by as_of_ms, weighted by their precision.

    None without a goal or without such a campaign.  Raises LogUnavailable.
    """
    own = [each for each in all_campaigns(store) if _is_like(each, goal, as_of_ms)][:MOST_CAMPAIGNS]
    effects = {each.id: effect for each in own if (effect := _effect(store, orders, users, each)) is not None}
    if not effects:
        return None
    lifts = np.array([effect.relative for effect in effects.values()])
    widths = np.array([(effect.high - effect.low) * effect.relative / effect.difference for effect in effects.values()])
    return EarlierLift(float(np.average(lifts, weights=widths**-2.0)), list(effects))


def _is_like(campaign: Campaign, goal: str, as_of_ms: int) -> bool:
    definition = campaign.definition
    is_same = bool(goal.strip()) and definition.goal.strip().casefold() == goal.strip().casefold()
    return is_same and campaign.is_drawn and definition.control_share > 0 and definition.reading_ms <= as_of_ms


def _effect(store: Store, orders: Orders, users: IdMap, campaign: Campaign) -> Effect | None:
    """None where its result tells no effect, or one without a share."""
    members, definition = find_members(store, campaign).members, campaign.definition
    is_treated = np.array([member.arm == Arm.TREATED for member in members], bool)
    counts = int(is_treated.sum()), int((~is_treated).sum())
    share = definition.control_share
    if min(counts) < MIN_GROUP or sample_ratio_test(counts, (1 - share, share)) < MISMATCH:
        return None
    start_ms = definition.starts_ms
    window = ComparisonWindow(start_ms - BEFORE_DAYS * DAY_MS, start_ms, definition.reading_ms)
    outcomes = measure_outcomes(orders, users.positions([member.user_id for member in members]), window)
    effect = drawn_estimates(outcomes, is_treated)[CUPED]
    return effect if np.isfinite(effect.relative) and effect.difference and effect.high > effect.low else None

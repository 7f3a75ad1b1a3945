"""Estimates of what a campaign changed: by its control group, or without one beside the customers it left out."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles
from recsys.campaigns.result.outcomes import Outcomes
from recsys.customers.population import MIN_GROUP
from recsys.inference.cuped import cuped
from recsys.inference.difference_in_differences import difference_in_differences
from recsys.inference.welch import Effect, welch

WELCH, CUPED = "welch", "cuped"
NAIVE, GAP_BEFORE, CHANGES = "naive", "gap_before", "difference_in_differences"


@dataclass(frozen=True, slots=True)
class SegmentEffect:
    """The effect among the customers of one stage."""

    segment: str
    effect: Effect


def drawn_estimates(outcomes: Outcomes, is_treated: Bools) -> dict[str, Effect]:
    """Money per customer, of two arms that chance made: plainly, and without what the time before foretells."""
    treated, control = outcomes.where(is_treated), outcomes.where(~is_treated)
    return {
        WELCH: welch(treated.after, control.after),
        CUPED: cuped(treated.after, control.after, treated.before, control.before),
    }


def undrawn_estimates(outcomes: Outcomes, is_treated: Bools) -> dict[str, Effect]:
    """The same of two groups that nobody drew; how far apart they were before stands beside it."""
    treated, others = outcomes.where(is_treated), outcomes.where(~is_treated)
    both = treated.after, others.after, treated.before, others.before
    return {
        NAIVE: welch(treated.after, others.after),
        GAP_BEFORE: welch(treated.before, others.before),
        CHANGES: difference_in_differences(*both),
        CUPED: cuped(*both),
    }


def margin_effect(outcomes: Outcomes, is_treated: Bools) -> Effect | None:
    """Margin per customer without what the money before foretells; None where costs are unknown."""
    margin, before = outcomes.margin, outcomes.before
    if margin is None:
        return None
    return cuped(margin[is_treated], margin[~is_treated], before[is_treated], before[~is_treated])


def conversion_effect(outcomes: Outcomes, is_treated: Bools) -> Effect:
    """The share of customers with an order in the window, as a difference of shares."""
    bought: Doubles = outcomes.bought.astype(np.float64)
    return welch(bought[is_treated], bought[~is_treated])


def segment_effects(outcomes: Outcomes, is_treated: Bools, segments: list[str]) -> tuple[list[SegmentEffect], int]:
    """CUPED by segment (N,), and how many segments are hidden: fewer than MIN_GROUP customers in an arm."""
    names = np.array(segments, object)
    effects, n_hidden = [], 0
    for name in sorted(set(segments)):
        own = names == name
        if min(np.count_nonzero(own & is_treated), np.count_nonzero(own & ~is_treated)) < MIN_GROUP:
            n_hidden += 1
            continue
        effect = drawn_estimates(outcomes.where(own), is_treated[own])[CUPED]
        effects.append(SegmentEffect(name, effect))
    return effects, n_hidden

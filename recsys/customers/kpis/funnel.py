"""Funnel from view to basket to purchase, by channel: counts and shares of customers within one period."""

from functools import partial
from typing import Any

import numpy as np

from recsys.arrays import Bools
from recsys.customers.kpis.counted.rows import BOUGHT, CARTED, VIEWED
from recsys.customers.kpis.figures import (
    FEW,
    FEW_OTHERS,
    Figure,
    is_small,
    no_figure,
    share_figure,
    unless_few_others,
)
from recsys.customers.kpis.log import FunnelSteps
from recsys.customers.kpis.periods import Period
from recsys.customers.population import MIN_GROUP
from recsys.time_units import DAY_MS

WORDS = {VIEWED: "view", CARTED: "cart", BOUGHT: "purchase"}
_ANY = -1


def step_share(
    steps: FunnelSteps, members: Bools, period: Period, first: int, then: int, channel: int = _ANY
) -> Figure:
    """Of the members (U,) with the first step in the period, the share with the other one, on that channel or any."""
    if not (steps.step == first).any():
        return no_figure(f"the log holds no {WORDS[first]}")
    began, went_on = (_customers(steps, members, period, step, channel) for step in (first, then))
    return share_figure(int((began & went_on).sum()), int(began.sum()))


def channel_funnel(steps: FunnelSteps, members: Bools, period: Period) -> list[dict[str, Any]]:
    """The funnel of each channel with customers in the period, most customers first, without small ones."""
    rows = []
    for place, name in enumerate(steps.channels):
        counts, others = (
            [int(_customers(steps, group, period, step, place).sum()) for step in WORDS]
            for group in (members, ~members)
        )
        if max(counts) < MIN_GROUP:
            continue
        shares = {
            f"{WORDS[first]}_to_{WORDS[then]}": unless_few_others(
                step_share(steps, members, period, first, then, place),
                partial(step_share, steps, ~members, period, first, then, place),
            )._asdict()
            for first, then in ((VIEWED, CARTED), (CARTED, BOUGHT), (VIEWED, BOUGHT))
        }
        shown = {WORDS[step]: None if is_small(n) or is_small(others[step]) else n for step, n in enumerate(counts)}
        reason = None if None not in shown.values() else FEW if any(map(is_small, counts)) else FEW_OTHERS
        rows.append({"channel": name, "customers": shown, "unknown": reason, **shares})
    return sorted(rows, key=lambda row: (-max(n or 0 for n in row["customers"].values()), row["channel"]))


def _customers(steps: FunnelSteps, members: Bools, period: Period, step: int, channel: int) -> Bools:
    """Which members took the step in the period.  (U,)"""
    first, last = steps.day.searchsorted((period.start_ms // DAY_MS, period.end_ms // DAY_MS))
    chosen = steps.step[first:last] == step
    if channel != _ANY:
        chosen &= steps.channel[first:last] == channel
    mask = np.zeros(len(members), bool)
    mask[steps.customer[first:last][chosen]] = True
    return mask & members

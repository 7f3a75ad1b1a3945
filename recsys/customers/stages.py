"""Stages of customers in time: potential, new, growing, loyal, advocate, at risk, dormant, lost, back.

A stage at a day uses only what happened until that day, so that no later purchase changes it.  Days are whole, UTC.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Kinds, Longs
from recsys.customers.orders import Orders
from recsys.customers.rhythm import MIN_GAPS
from recsys.models.serialization import StoredFields
from recsys.time_units import DAY_MS


class Stage(IntEnum):
    """The numbers are stored: never change one, only add."""

    POTENTIAL = 0
    NEW = 1
    GROWING = 2
    LOYAL = 3
    ADVOCATE = 4
    AT_RISK = 5
    DORMANT = 6
    LOST = 7
    BACK = 8


ACTIVE = (Stage.GROWING, Stage.LOYAL, Stage.ADVOCATE, Stage.BACK)
NEVER = -1  # a day or stage that there is not


@dataclass(frozen=True, slots=True)
class StageRule(StoredFields):
    """When a customer is in which stage; a shop's own in `[customers]`.

    new: until new_days after the first purchase, and longer with new_until_second until the second purchase day.
    at_risk, dormant, lost: no purchase for more than so many days, and for more than so many own gaps where the
    customer has one (the median days between purchase days, from three gaps on).
    back: until back_days after a purchase that ended dormant or lost.  loyal: loyal_purchases purchase days since the
    first purchase or the return, which is loyal_days ago.  advocate: loyal, with a sign of it.  growing: all others.
    """

    new_days: int = 60
    new_until_second: int = 0
    back_days: int = 28
    loyal_days: int = 91
    loyal_purchases: int = 5
    at_risk_days: int = 28
    dormant_days: int = 56
    lost_days: int = 112
    at_risk_gaps: float = 2.0
    dormant_gaps: float = 4.0
    lost_gaps: float = 8.0

    @property
    def lapse_days(self) -> tuple[int, int, int]:
        return self.at_risk_days, self.dormant_days, self.lost_days

    @property
    def lapse_gaps(self) -> tuple[float, float, float]:
        return self.at_risk_gaps, self.dormant_gaps, self.lost_gaps

    def lapse_limits(self, gap_days: Doubles) -> Longs:
        """Days without a purchase after which each lapse begins: at risk, dormant, lost.  (N,) -> (N, 3)"""
        own = np.floor(np.nan_to_num(gap_days)[:, None] * np.array(self.lapse_gaps)).astype(np.int64)
        limits: Longs = np.maximum(np.array(self.lapse_days), own)
        return limits


@dataclass(frozen=True, slots=True)
class Stages:
    """Of each customer, (U,): stage and the one before it (int8, NEVER without), and the day of the change (int64)."""

    stage: Kinds
    previous: Kinds
    since_day: Longs


@dataclass(frozen=True, slots=True)
class _Runs:
    """C customers with purchases, (C,) each, as days.

    first, last: purchase days.  n: purchase days.  start: first purchase of the run, the time since the last return.
    woke: last purchase that ended at risk, since `start`, NEVER without.  from_lapse: the stage that `start` ended,
    NEVER for the first purchase.  enough: the purchase day on which there were enough for loyal, NEVER without.
    second: second purchase day, NEVER without.  limits (C, 3).  advocated: day of the first sign, NEVER without.
    """

    first: Longs
    last: Longs
    n: Longs
    start: Longs
    woke: Longs
    from_lapse: Longs
    enough: Longs
    second: Longs
    limits: Longs
    advocated: Longs


def stages_at(orders: Orders, as_of_ms: int, rule: StageRule, advocated_ms: Longs | None = None) -> Stages:
    """The stage of every customer at that moment, from the orders before it.

    advocated_ms (U,): when each first recommended the shop, NEVER without; times after the moment do not count.
    """
    known, today = orders.until(as_of_ms), as_of_ms // DAY_MS
    day = known.at_ms // DAY_MS
    is_new_day = np.ones(len(day), bool)
    is_new_day[1:] = (np.diff(day) > 0) | (np.diff(known.customer) > 0)
    owner, day = known.customer[is_new_day], day[is_new_day]
    signs = np.full(orders.n_customers, NEVER) if advocated_ms is None else advocated_ms
    signs = np.where((signs >= 0) & (signs < as_of_ms), signs // DAY_MS, NEVER)
    kept = np.unique(owner)
    runs = _find_runs(owner, day, rule, signs[kept])
    stage = _stage_on(runs, np.full(len(kept), today), rule)
    since = _since(runs, stage, rule)
    return Stages(
        _spread(kept, stage, orders.n_customers, Stage.POTENTIAL),
        _spread(kept, _previous(runs, stage, since, rule), orders.n_customers, NEVER).astype(np.int8),
        _spread(kept, since, orders.n_customers, NEVER),
    )


def _spread(rows: AnyArray, values: AnyArray, n: int, default: int) -> Any:
    whole = np.full(n, default, values.dtype)
    whole[rows] = values
    return whole


def _find_runs(owner: Ints, day: Longs, rule: StageRule, advocated: Longs) -> _Runs:
    """The runs of all customers.  owner, day (N,): each purchase day, sorted."""
    n_rows = len(day)
    is_first = np.ones(n_rows, bool)
    is_first[1:] = np.diff(owner) > 0
    first_row = np.flatnonzero(is_first)
    last_row = np.append(first_row[1:], n_rows)[: len(first_row)] - 1
    silent = np.zeros(n_rows, np.int64)
    silent[1:] = np.where(is_first[1:], 0, np.diff(day) - 1)  # whole days before the purchase without one
    row_first = np.repeat(first_row, last_row - first_row + 1)
    was_new = _is_new(day - 1, day[row_first], np.arange(n_rows) - row_first, rule)
    is_candidate = (silent > rule.lapse_days[0]) & ~was_new
    before, final = _own_gaps(day, first_row, last_row, is_candidate, rule)
    lapse = np.where(is_candidate, (silent[:, None] > rule.lapse_limits(before)).sum(1), 0)  # 0 none … 3 lost
    start = _latest(is_first | (lapse >= 2), row_first)[last_row]
    woke = _latest(lapse == 1, np.full(n_rows, NEVER))[last_row]
    enough, second = start + rule.loyal_purchases - 1, first_row + 1
    return _Runs(
        first=day[first_row],
        last=day[last_row],
        n=last_row - first_row + 1,
        start=day[start],
        woke=np.where(woke >= start, day[woke], NEVER),
        from_lapse=np.where(start > first_row, Stage.AT_RISK - 1 + lapse[start], NEVER),
        enough=_day_at(day, enough, last_row),
        second=_day_at(day, second, last_row),
        limits=rule.lapse_limits(final),
        advocated=advocated,
    )


def _day_at(day: Longs, row: Longs, last_row: Longs) -> Longs:
    return np.where(row <= last_row, day[np.minimum(row, last_row)], NEVER)


def _latest(is_marked: Bools, default: Longs) -> Longs:
    """The last marked row up to each row, not before its default.  (N,)"""
    return np.maximum.accumulate(np.maximum(np.where(is_marked, np.arange(len(is_marked)), NEVER), default))


def _own_gaps(
    day: Longs, first_row: Longs, last_row: Longs, is_candidate: Bools, rule: StageRule
) -> tuple[Doubles, Doubles]:
    """The customer's gap before each candidate purchase (N,), and after the last one (C,); NaN without one."""
    before, final = np.full(len(day), np.nan), np.full(len(first_row), np.nan)
    if not any(rule.lapse_gaps):
        return before, final
    for place, (start, end) in enumerate(zip(first_row.tolist(), last_row.tolist(), strict=True)):
        if end - start >= MIN_GAPS:
            gaps = np.diff(day[start : end + 1])
            final[place] = np.median(gaps)
            candidates = np.flatnonzero(is_candidate[start : end + 1])
            before[start + candidates] = _prefix_medians(gaps.tolist(), candidates.tolist())
    return before, final


def _prefix_medians(gaps: Sequence[int], rows: Sequence[int]) -> list[float]:
    """The median of the gaps before each of the rows, rising; NaN with fewer than MIN_GAPS."""
    ordered: list[int] = []
    medians: list[float] = []
    for row in rows:
        for gap in gaps[len(ordered) : row - 1]:
            insort(ordered, gap)
        n = len(ordered)
        medians.append((ordered[(n - 1) // 2] + ordered[n // 2]) / 2 if n >= MIN_GAPS else np.nan)
    return medians


def _is_new(day: Longs, first: Longs, n: Longs, rule: StageRule) -> Bools:
    """Whether customers with n purchase days since the first one are new on that day."""
    is_new: Bools = day - first <= rule.new_days
    return is_new | (n == 1) if rule.new_until_second else is_new


def _stage_on(runs: _Runs, day: Longs, rule: StageRule) -> Kinds:
    """The stage on that day, not before the last purchase.  (C,)"""
    lapse = ((day - runs.last)[:, None] > runs.limits).sum(1)
    is_back = (runs.from_lapse != NEVER) & (day - runs.start <= rule.back_days)
    is_loyal = (runs.enough != NEVER) & (day - runs.start >= rule.loyal_days)
    is_advocate = (runs.advocated != NEVER) & (runs.advocated <= day)
    stage = np.where(is_loyal, np.where(is_advocate, Stage.ADVOCATE, Stage.LOYAL), Stage.GROWING)
    stage = np.where(is_back, Stage.BACK, stage)
    stage = np.where(lapse > 0, Stage.AT_RISK - 1 + lapse, stage)
    return np.where(_is_new(day, runs.first, runs.n, rule), Stage.NEW, stage).astype(np.int8)


def _since(runs: _Runs, stage: Kinds, rule: StageRule) -> Longs:
    """The first day of the stage that a customer is in now.  (C,)"""
    after_new = runs.first + rule.new_days + 1
    if rule.new_until_second:
        after_new = np.where(runs.second != NEVER, np.maximum(after_new, runs.second), after_new)
    at_risk, dormant, lost = np.maximum((runs.last[:, None] + runs.limits + 1).T, after_new)
    settled = np.where(runs.from_lapse != NEVER, runs.start + rule.back_days + 1, after_new)
    loyal = np.maximum.reduce([runs.start + rule.loyal_days, runs.enough, runs.woke])
    by_stage = {
        Stage.NEW: runs.first,
        Stage.GROWING: np.maximum(settled, runs.woke),
        Stage.LOYAL: loyal,
        Stage.ADVOCATE: np.maximum(loyal, runs.advocated),
        Stage.AT_RISK: at_risk,
        Stage.DORMANT: dormant,
        Stage.LOST: lost,
        Stage.BACK: runs.start,
    }
    return np.select([stage == name for name in by_stage], list(by_stage.values()), NEVER)


def _previous(runs: _Runs, stage: Kinds, since: Longs, rule: StageRule) -> Longs:
    """The stage on the day before.  (C,)"""
    earlier = _stage_on(runs, np.maximum(since - 1, runs.last), rule)
    settling = np.where(runs.from_lapse != NEVER, Stage.BACK, Stage.NEW)
    past = np.where(stage == Stage.GROWING, settling, Stage.GROWING)
    was_loyal = since > np.maximum(runs.start + rule.loyal_days, runs.enough)
    past = np.where((stage == Stage.ADVOCATE) & was_loyal, Stage.LOYAL, past)
    past = np.where(since == runs.woke, Stage.AT_RISK, past)
    before = np.where(since > runs.last, earlier, past)
    before = np.where(stage == Stage.BACK, runs.from_lapse, before)
    return np.where(stage == Stage.NEW, NEVER, before)

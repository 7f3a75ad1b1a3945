"""Stages: exactly one each, as a walk from day to day finds it, and nothing of what comes later."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recsys.customers.orders import Amounts, Orders, Postings, sum_orders
from recsys.customers.rhythm import MIN_GAPS
from recsys.customers.stages import NEVER, Stage, StageRule, stages_at
from recsys.time_units import DAY_MS

RULE = StageRule(4, 0, 3, 12, 4, 3, 6, 11, 1.5, 3.0, 6.0)
UNTIL_SECOND = replace(RULE, new_until_second=1, at_risk_gaps=0.0, dormant_gaps=0.0, lost_gaps=0.0)

purchase_days = st.lists(st.integers(0, 60), max_size=12, unique=True).map(sorted)


def orders_on(*days_by_customer: Sequence[float]) -> Orders:
    customer = np.repeat(np.arange(len(days_by_customer), dtype=np.int32), list(map(len, days_by_customer)))
    at_ms = np.array([day * DAY_MS for days in days_by_customer for day in days], np.int64)
    every = np.ones(len(at_ms))
    amounts = Amounts(every, 0 * every, every, every, every)
    return sum_orders(Postings(customer, np.arange(len(at_ms)), at_ms, amounts), len(days_by_customer))


def walk(days: Sequence[int], today: int, rule: StageRule, sign: int = NEVER) -> list[Stage]:
    """The stage of each day from the first purchase to today, worked out day by day."""
    stages: list[Stage] = []
    start, is_first_run = days[0], True
    for day in range(days[0], today + 1):
        past = [d for d in days if d <= day]
        if past[-1] == day and stages and stages[-1] in (Stage.DORMANT, Stage.LOST):
            start, is_first_run = day, False
        gaps = np.diff(past).tolist()
        own = median(gaps) if len(gaps) >= MIN_GAPS else 0
        silent = day - past[-1]
        lapse = sum(silent > max(d, int(g * own)) for d, g in zip(rule.lapse_days, rule.lapse_gaps, strict=True))
        in_run = [d for d in past if d >= start]
        if day - days[0] <= rule.new_days or (rule.new_until_second and len(past) == 1):
            stages.append(Stage.NEW)
        elif lapse:
            stages.append(Stage(Stage.AT_RISK + lapse - 1))
        elif not is_first_run and day - start <= rule.back_days:
            stages.append(Stage.BACK)
        elif len(in_run) >= rule.loyal_purchases and day - start >= rule.loyal_days:
            stages.append(Stage.ADVOCATE if NEVER < sign <= day else Stage.LOYAL)
        else:
            stages.append(Stage.GROWING)
    return stages


@pytest.mark.parametrize("rule", [RULE, UNTIL_SECOND], ids=["own gaps", "days alone"])
@given(days=purchase_days.filter(bool), more=st.integers(0, 30), sign=st.just(NEVER) | st.integers(0, 70))
@example(days=[0, 9, 20, 21, 22, 23, 24, 36], more=0, sign=NEVER)
def test_a_walk_from_day_to_day_finds_the_same_stage_since_the_same_day_after_the_same_one(
    rule: StageRule, days: list[int], more: int, sign: int
) -> None:
    today = days[-1] + more
    stages = walk(days, today, rule, sign)
    now = stages_at(orders_on(days), (today + 1) * DAY_MS - 1, rule, np.array([sign * DAY_MS if sign >= 0 else NEVER]))
    streak = next((n for n, stage in enumerate(reversed(stages)) if stage != stages[-1]), len(stages))
    assert Stage(now.stage[0]) is stages[-1]
    assert now.since_day[0] == today - streak + 1
    before = stages[-1 - streak] if streak < len(stages) else NEVER
    assert now.previous[0] == before


@given(purchase_days, purchase_days, st.integers(0, 61))
def test_later_purchases_change_no_earlier_stage(days: list[int], other: list[int], today: int) -> None:
    whole = orders_on(days, other)
    past = orders_on(*([d for d in own if d < today] for own in (days, other)))
    for rule in (RULE, UNTIL_SECOND):
        now, then = (stages_at(orders, today * DAY_MS, rule) for orders in (whole, past))
        assert now.stage.tolist() == then.stage.tolist()
        assert now.previous.tolist() == then.previous.tolist()
        assert now.since_day.tolist() == then.since_day.tolist()


@given(st.lists(purchase_days, min_size=1, max_size=5), st.integers(0, 70))
def test_customers_do_not_influence_each_other(days_by_customer: list[list[int]], today: int) -> None:
    together = stages_at(orders_on(*days_by_customer), today * DAY_MS, RULE)
    for row, days in enumerate(days_by_customer):
        alone = stages_at(orders_on(days), today * DAY_MS, RULE)
        assert (alone.stage[0], alone.since_day[0]) == (together.stage[row], together.since_day[row])


def test_whoever_never_bought_is_potential() -> None:
    now = stages_at(orders_on([], [1]), 3 * DAY_MS, RULE)
    assert now.stage.tolist() == [Stage.POTENTIAL, Stage.NEW]
    assert now.since_day.tolist() == [NEVER, 1]


def test_a_gap_of_their_own_gives_slow_customers_more_time() -> None:
    slow, quick = range(0, 50, 10), range(0, 50, 2)
    now = stages_at(orders_on(slow, quick), (48 + 6 + 1) * DAY_MS, RULE)
    assert now.stage.tolist() == [Stage.GROWING, Stage.DORMANT]

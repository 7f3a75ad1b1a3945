"""Changes of customers between two moments: by the same rules, from what was known at each."""

import numpy as np

from recsys.customers.history.changes import stage_moves, value_falls
from recsys.customers.orders import Orders
from recsys.customers.prediction.value import BgNbd, GammaGamma, ValueModel
from recsys.customers.stages import Stage, StageRule, stages_at
from recsys.data.ids import IdMap
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import leaving_world, orders_of_days

RULE, NONE = StageRule(), np.empty(0)
WINDOW = ValueModel(0, 0.0, BgNbd(1, 1, 2, 1), GammaGamma(1, 2, 1), NONE, NONE, NONE)


def moves(orders: Orders, since_day: float, until_day: float) -> list[tuple[int, str, str, int]]:
    users = IdMap.from_ids(f"{user:05}" for user in range(orders.n_customers))
    since_ms, until_ms = int(since_day * DAY_MS), int(until_day * DAY_MS)
    moved = stage_moves(orders, RULE, (), users, since_ms=since_ms, until_ms=until_ms)
    rows = zip(moved.customer, moved.before, moved.after, moved.since_day, strict=True)
    return [(int(user), Stage(before).name, Stage(after).name, int(day)) for user, before, after, day in rows]


def test_who_stays_away_crosses_on_the_day_on_which_the_limit_is_passed() -> None:
    weekly = np.arange(100.0, 240.0, 7.0)  # the last on day 233
    orders = orders_of_days(np.zeros(len(weekly), int), weekly)
    assert moves(orders, 255, 270) == [(0, "LOYAL", "AT_RISK", 262)]
    assert moves(orders, 235, 250) == []


def test_moves_of_two_spans_are_those_of_both_together() -> None:
    orders = leaving_world(300)
    days = (240.0, 260.0, 290.0)
    stage_by_day = [stages_at(orders, int(day * DAY_MS), RULE).stage for day in days]
    for first, last in ((0, 1), (1, 2), (0, 2)):
        told = {user: (before, after) for user, before, after, _ in moves(orders, days[first], days[last])}
        pairs = enumerate(zip(stage_by_day[first].tolist(), stage_by_day[last].tolist(), strict=True))
        assert told == {user: (Stage(a).name, Stage(b).name) for user, (a, b) in pairs if a != b}


def test_what_happened_after_a_moment_changes_nothing_before_it() -> None:
    orders = leaving_world(300)
    assert moves(orders, 200, 230) == moves(orders.until(230 * DAY_MS), 200, 230)


def test_whose_money_of_the_window_falls_behind_loses_a_class() -> None:
    customer = np.repeat(np.arange(10, dtype=np.int32), 2)
    day = np.tile([100.0, 180.0], 10)
    money = np.where(day == 100, customer + 1.0, 11.0 - customer)
    fell = value_falls(orders_of_days(customer, day, money), WINDOW, since_ms=150 * DAY_MS, until_ms=210 * DAY_MS)
    assert fell.customer.tolist() == [5, 6, 7, 8, 9]
    assert set(fell.after.tolist()) <= {0, 1}

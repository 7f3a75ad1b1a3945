"""Rhythm: recency, frequency, money and gaps at a moment, and nothing of what came later."""

import numpy as np
import polars as pl
import pytest

from recsys.customers.orders import build_orders, paid_lines
from recsys.customers.rhythm import MIN_GAPS, Rhythm, rhythm_at
from recsys.data.dataset.dataset import read_events
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.data.ids import IdMap
from recsys.time_units import DAY_MS


def purchase(user: str, day: float, money: float = 2.0) -> Event:
    return Event("", user, "x", Kind.PURCHASE, round(day * DAY_MS), 1.0, money, f"{user}{day}")


def rhythm(events: list[Event], day: float, users: str = "ab") -> Rhythm:
    frame = read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])
    ids = IdMap.from_ids(users)
    return rhythm_at(build_orders(paid_lines(frame, ids, {}), len(ids)), round(day * DAY_MS))


def test_two_orders_of_a_day_are_two_orders_on_one_day() -> None:
    seen = rhythm([purchase("a", 1.1), purchase("a", 1.6), purchase("a", 4)], 10)
    assert (seen.n_orders[0], seen.n_days[0], seen.money[0]) == (3, 2, 6)
    assert seen.recency_days[0] == 6
    assert seen.first_at_ms[0] == pytest.approx(1.1 * DAY_MS)


def test_a_customer_without_orders_has_no_recency_and_no_gap() -> None:
    seen = rhythm([purchase("a", 1)], 10)
    assert np.isnan([seen.recency_days[1], seen.gap_days[1], seen.discount_share[1]]).all()
    assert (seen.n_orders[1], seen.first_at_ms[1], seen.last_at_ms[1]) == (0, -1, -1)


def test_the_gap_is_the_median_between_purchase_days() -> None:
    seen = rhythm([purchase("a", day) for day in (1, 3, 3.5, 7, 17)], 20)
    assert seen.gap_days[0] == 4


def test_few_purchases_give_no_gap() -> None:
    assert np.isnan(rhythm([purchase("a", day) for day in range(MIN_GAPS)], 20).gap_days[0])
    assert rhythm([purchase("a", day) for day in range(MIN_GAPS + 1)], 20).gap_days[0] == 1


def test_purchases_after_the_moment_change_nothing() -> None:
    early, late = [purchase("a", day) for day in (1, 3, 7, 9)], [purchase("a", 12), purchase("b", 13)]
    assert rhythm([*early, *late], 10).gap_days.tolist()[0] == rhythm(early, 10).gap_days.tolist()[0]
    assert rhythm([*early, *late], 10).money.tolist() == rhythm(early, 10).money.tolist()

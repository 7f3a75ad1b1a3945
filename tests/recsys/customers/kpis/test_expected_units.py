"""Expected units: steady sales by hand, the window that a back-test picks, and intervals that hold what they say."""

import numpy as np
import pytest

from recsys.arrays import Doubles, Longs
from recsys.customers.kpis.expected_units import expect_units, weekly_units
from recsys.customers.orders import Amounts, PaidLines
from recsys.data.dataset.occasions import EventLines
from recsys.data.events import PURCHASE
from recsys.errors import NotEnoughData
from recsys.time_units import DAY_MS


def paid_of(units: Longs) -> PaidLines:
    """Units of J items in W weeks, (J, W), each week's on its first moment."""
    item, week = np.nonzero(units)
    n = len(item)
    at_ms = week * 7 * DAY_MS
    quantity, zero = units[item, week].astype(np.float64), np.zeros(n)
    lines = EventLines(
        np.zeros(n, np.int32),
        item.astype(np.int32),
        at_ms / DAY_MS,
        np.full(n, PURCHASE, np.int8),
        np.full(n, -1, np.int32),
        quantity,
    )
    return PaidLines(lines, at_ms, Amounts(zero, zero, zero, zero, quantity), [f"i{at}" for at in range(len(units))])


def end(units: Longs) -> int:
    return int(units.shape[1]) * 7 * DAY_MS


def test_steady_sales_are_expected_to_go_on_without_an_error() -> None:
    units = np.repeat(np.array([[3], [1], [2]]), 30, axis=1)
    expected = expect_units(paid_of(units), end(units))
    assert expected.frame().rows() == [
        ("i0", 12.0, 12.0, 12.0, 0.0),
        ("i2", 8.0, 8.0, 8.0, 0.0),
        ("i1", 4.0, 4.0, 4.0, 0.0),
    ]
    assert (expected.window, expected.errors[4]) == (4, 0.0)


def test_weeks_end_at_the_moment_and_a_part_of_one_does_not_count() -> None:
    paid = paid_of(np.array([[1, 2, 4]]))
    assert weekly_units(paid, 21 * DAY_MS).tolist() == [[1.0, 2.0, 4.0]]
    assert weekly_units(paid, 20 * DAY_MS).tolist() == [[2.0, 4.0]]


def test_long_windows_win_where_sales_are_steady_and_short_ones_where_they_move() -> None:
    rng = np.random.default_rng(0)
    steady = rng.poisson(4.0, (200, 52))
    moving = rng.poisson(np.tile(np.linspace(1, 30, 52), (200, 1)))
    assert expect_units(paid_of(steady), end(steady)).window == 26
    assert expect_units(paid_of(moving), end(moving)).window == 4


def test_the_interval_holds_as_many_items_as_it_says() -> None:
    rng = np.random.default_rng(1)
    mean: Doubles = rng.lognormal(2, 1, (4_000, 1))
    units = rng.poisson(np.tile(mean, (1, 56)))
    known, later = units[:, :52], units[:, 52:].sum(axis=1)
    expected = expect_units(paid_of(known), end(known))
    own = later[[int(item_id[1:]) for item_id in expected.item_ids]]
    assert 0.78 <= np.mean((own >= expected.low) & (own <= expected.high)) <= 0.82
    assert 0.78 <= expected.coverage <= 0.82
    assert np.abs(own - expected.units).mean() == pytest.approx(expected.error.mean(), rel=0.15)


def test_a_log_of_fifteen_weeks_is_too_short() -> None:
    units = np.ones((1, 15), np.int64)
    with pytest.raises(NotEnoughData, match="15 weeks of log; units of items need 16 or more"):
        expect_units(paid_of(units), end(units))

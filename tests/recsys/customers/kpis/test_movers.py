"""Movers: differences by hand, intervals that hold what they say, few false alarms, nothing of a few customers."""

import numpy as np
import pytest

from recsys.arrays import Longs
from recsys.customers.kpis.movers import Movers, false_discoveries, movers_report, sales_moves, windows
from recsys.customers.kpis.periods import Period
from recsys.customers.orders import Amounts, PaidLines
from recsys.data.dataset.occasions import EventLines
from recsys.data.entities import Item
from recsys.data.events import PURCHASE
from recsys.errors import BadInput
from recsys.time_units import DAY_MS

BEFORE, AFTER = windows(56 * DAY_MS, 28, 28)


def paid_of(earlier: Longs, later: Longs) -> PaidLines:
    """Units that J items sold to U customers in either window, (J, U) each."""
    units = np.stack((earlier, later))
    window, item, user = np.nonzero(units)
    n, at_ms = len(item), (window * 28 + 1) * DAY_MS
    lines = EventLines(
        user.astype(np.int32),
        item.astype(np.int32),
        at_ms / DAY_MS,
        np.full(n, PURCHASE, np.int8),
        np.full(n, -1, np.int32),
        units[window, item, user].astype(np.float64),
    )
    zero = np.zeros(n)
    return PaidLines(
        lines, at_ms, Amounts(zero, zero, zero, zero, lines.quantity), [f"i{at}" for at in range(len(earlier))]
    )


def moves_of(earlier: Longs, later: Longs) -> Movers:
    return sales_moves(paid_of(earlier, later), BEFORE, AFTER, earlier.shape[1])


def test_units_of_both_windows_are_those_by_hand() -> None:
    earlier, later = np.zeros((2, 40), int), np.zeros((2, 40), int)
    earlier[0, :30], later[0, 10:] = 1, 2
    earlier[1, :30] = 5
    moves = moves_of(earlier, later)
    assert (moves.before.tolist(), moves.after.tolist()) == ([30.0, 150.0], [60.0, 0.0])
    assert moves.customers.tolist() == [40, 30]
    assert (moves.low < moves.difference).all()
    assert moves.is_clear().all()


def test_items_of_fewer_than_twenty_customers_are_not_told() -> None:
    units = np.zeros((2, 40), int)
    units[0, :19], units[1, :20] = 9, 1
    assert moves_of(units, units * 2).item.tolist() == [1]


def test_the_interval_holds_the_difference_of_customers_who_buy_in_bulk() -> None:
    rng = np.random.default_rng(3)
    n_items, n_customers = 400, 2_000
    bulk = rng.choice([1, 1, 1, 6, 24], (n_items, n_customers))
    earlier, later = (rng.poisson(rate, (n_items, n_customers)) * bulk for rate in (0.04, 0.05))
    moves = moves_of(earlier, later)
    truth = n_customers * 0.01 * 6.6
    assert len(moves.item) == n_items
    assert 0.93 < np.mean((moves.low <= truth) & (truth <= moves.high)) < 0.97


def test_where_nothing_moved_few_items_are_called_clear() -> None:
    rng = np.random.default_rng(4)
    earlier, later = rng.poisson(0.1, (2, 500, 600))
    moves = moves_of(earlier, later)
    assert (moves.p < 0.05).sum() > 10
    assert moves.is_clear().sum() <= 1


def test_false_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    p = np.array([0.04, 0.01, 0.03, 0.5])
    np.testing.assert_allclose(false_discoveries(p), [0.16 / 3, 0.04, 0.16 / 3, 0.5])
    assert len(false_discoveries(np.empty(0))) == 0


def test_a_report_names_the_surest_first_beside_the_whole_shop() -> None:
    earlier, later = np.ones((3, 50), int), np.ones((3, 50), int)
    later[1], earlier[2] = 4, 0
    report = movers_report(paid_of(earlier, later), {"i1": Item("i1", name="Tea")}, (BEFORE, AFTER), 50, 2)
    assert [(row["item_id"], row["name"], row["change"]) for row in report["items"]] == [
        ("i1", "Tea", 3.0),
        ("i2", None, None),
    ]
    assert (report["n_items"], report["n_clear"]) == (3, 2)
    assert (report["shop"]["before"], report["shop"]["after"]) == (100.0, 300.0)


def test_windows_do_not_overlap_and_an_empty_time_is_told() -> None:
    assert windows(400 * DAY_MS, 7, 364) == (Period(29 * DAY_MS, 36 * DAY_MS), Period(393 * DAY_MS, 400 * DAY_MS))
    with pytest.raises(BadInput, match="would overlap"):
        windows(56 * DAY_MS, 28, 7)
    with pytest.raises(BadInput, match="fewer than 20 customers"):
        movers_report(paid_of(np.zeros((1, 5), int), np.ones((1, 5), int)), {}, (BEFORE, AFTER), 5, None)

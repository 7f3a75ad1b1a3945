"""Key figures, each worked out by hand on the shop of conftest."""

from math import sqrt

import numpy as np
import pytest

from recsys.customers.kpis.definitions import KPI_BY_NAME, KPIS
from recsys.customers.kpis.figures import FEW, FEW_OTHERS, NOBODY, Figure
from recsys.customers.kpis.log import KpiLog
from recsys.customers.kpis.measures import MEASURES, Question, measure, measure_all
from recsys.customers.kpis.periods import Period, previous_period
from tests.recsys.customers.kpis.conftest import at, event, log_of, shop_events

WEEK_14, WEEK_15, WEEK_16 = (Period(at(7 * week), at(7 * week + 7)) for week in (14, 15, 16))


def question(log: KpiLog, period: Period, *, below: int = 40) -> Question:
    members = np.array([int(user_id[1:]) < below for user_id in log.users.texts.all()])
    return Question(log, members, period, previous_period(period, "week"))


def figure(log: KpiLog, period: Period, name: str) -> Figure:
    return measure(question(log, period), name)


def test_a_figure_of_a_segment_that_leaves_a_few_others_is_not_told(kpi_log: KpiLog) -> None:
    """Week 14: of 30 buyers, a segment of 25 leaves 5; a segment of 30 leaves nobody who bought."""
    assert measure(question(kpi_log, WEEK_14, below=25), "revenue").unknown == FEW_OTHERS
    assert measure(question(kpi_log, WEEK_14, below=30), "revenue").value == 350
    assert measure(question(kpi_log, WEEK_14, below=30), "repurchase_rate").unknown == FEW_OTHERS
    assert measure(question(kpi_log, WEEK_14, below=10), "revenue").unknown == FEW
    assert measure(question(kpi_log, Period(at(0), at(7)), below=20), "revenue").n == 20
    assert measure(question(kpi_log, WEEK_14, below=0), "revenue").unknown == NOBODY


BY_HAND = [
    ("customers", WEEK_14, 30, 30),
    ("orders", WEEK_14, 40, 30),
    ("revenue", WEEK_14, 350, 30),
    ("basket_value", WEEK_14, 350 / 40, 30),
    ("repurchase_rate", WEEK_14, 30 / 40, 40),
    ("retention", WEEK_15, 24 / 30, 30),
    ("churn_rate", WEEK_15, 0, 30),
    ("customer_value", WEEK_15, (350 + 12 * 12 + 12 * 10) / 30, 30),
    ("cross_sell_rate", WEEK_14, 10 / 30, 30),
    ("cross_sell_rate", WEEK_15, 0, 24),
    ("upgrade_rate", WEEK_15, 12 / 24, 24),
    ("breadth", WEEK_14, (10 * 2 + 20) / 30, 30),
    ("depth", WEEK_14, 40 / 30, 30),
    ("view_to_cart", WEEK_15, 25 / 40, 40),
    ("cart_to_purchase", WEEK_15, 24 / 25, 25),
    ("view_to_purchase", WEEK_15, 24 / 40, 40),
    ("nps", WEEK_15, 100 * (10 - 5) / 20, 20),
    ("csat", WEEK_15, 15 / 20, 20),
]


@pytest.mark.parametrize(("name", "period", "value", "n"), BY_HAND)
def test_a_figure_is_the_one_by_hand_with_an_interval_around_it(
    kpi_log: KpiLog, name: str, period: Period, value: float, n: int
) -> None:
    known = figure(kpi_log, period, name)
    assert known.value == pytest.approx(value)
    assert (known.n, known.unknown) == (n, None)
    assert known.low is not None
    assert known.high is not None
    assert known.low <= value <= known.high


def test_every_definition_has_a_measure_and_a_case_by_hand() -> None:
    assert set(KPI_BY_NAME) == set(MEASURES) == {name for name, *_ in BY_HAND}
    assert all(kpi.words.endswith(".") and kpi.formula for kpi in KPIS)


def test_churn_counts_who_had_no_order_in_56_days() -> None:
    """24 of 30 customers order again 56 days later; the other 6 are lost when their 56 days end."""
    events = [*(event(user, 0) for user in range(30)), *(event(user, 56) for user in range(24))]
    log = log_of([*events, event(0, -56), event(0, 70)])
    assert figure(log, Period(at(49), at(56)), "churn_rate").value == 0
    lost = figure(log, Period(at(56), at(63)), "churn_rate")
    assert lost.value == pytest.approx(6 / 30)
    assert lost.n == 30


def test_the_interval_of_a_ratio_is_that_of_cochran(kpi_log: KpiLog) -> None:
    """10 customers with (15, 2 orders), 20 with (10, 1): ratio 8.75, residuals -2.5 and 1.25."""
    basket = figure(kpi_log, WEEK_14, "basket_value")
    half = 1.959964 * sqrt(30 / 29 * (10 * 2.5**2 + 20 * 1.25**2)) / 40
    assert basket.high == pytest.approx(8.75 + half)


@pytest.mark.parametrize("name", ["basket_value", "retention", "revenue", "view_to_cart", "nps"])
def test_nothing_is_said_of_fewer_than_twenty_customers(kpi_log: KpiLog, name: str) -> None:
    few = measure(question(kpi_log, WEEK_15, below=19), name)
    assert few == Figure(None, None, None, None, FEW)


def test_a_week_that_has_not_ended_has_no_figure(kpi_log: KpiLog) -> None:
    assert figure(kpi_log, WEEK_16, "revenue").unknown == "the period is not over"


def test_what_the_log_does_not_reach_is_unknown_with_the_reason(kpi_log: KpiLog) -> None:
    first = measure_all(question(kpi_log, Period(at(0), at(7))))
    assert first["retention"].unknown == "the log does not hold the whole period before"
    assert first["customer_value"].unknown == "the log holds less than the 91 days before"
    without = log_of([event(user, day) for user in range(20) for day in (0, 9)])
    assert figure(without, Period(at(0), at(7)), "view_to_cart").unknown == "the log holds no view"
    assert figure(without, Period(at(0), at(7)), "nps").unknown == "nobody answered"


def test_what_is_sent_back_is_taken_off_and_guests_do_not_count() -> None:
    events = shop_events()
    back = event(0, 106)._replace(event_id="back", kind=6, price=None)
    guest = event(0, 98)._replace(event_id="guest", user_id="guest:o1")
    log = log_of([*events, back, guest])
    assert figure(log, WEEK_14, "revenue").value == 340
    assert figure(log, WEEK_14, "customers").value == 30


def test_an_unknown_discount_or_sale_makes_no_upgrade() -> None:
    """A lower price through a discount: before it, the unit costs the same."""
    events = [event(user, day) for user in range(20) for day in (0, 98)]
    cut = [e._replace(price=5.0, discount=5.0) if e.at_ms == at(0) else e for e in events]
    assert figure(log_of([*cut, event(0, 112)]), WEEK_14, "upgrade_rate").value == 0
    dearer = [e._replace(price=5.0) if e.at_ms == at(0) else e for e in events]
    assert figure(log_of([*dearer, event(0, 112)]), WEEK_14, "upgrade_rate").value == 1

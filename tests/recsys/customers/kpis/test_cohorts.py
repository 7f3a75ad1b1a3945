"""Cohort triangle by hand: who came in which month, and came again."""

import numpy as np

from recsys.customers.kpis.cohorts import cohort_triangle
from recsys.customers.kpis.log import KpiLog
from tests.recsys.customers.kpis.conftest import at, event, log_of


def triangle(log: KpiLog, **time: int | None) -> dict[int, list[tuple[int, float]]]:
    """Size, and month with retention, by month of the first order."""
    whole: dict[str, int | None] = {"since_ms": None, "until_ms": None, **time}
    rows = cohort_triangle(log, np.ones(log.n_customers, bool), whole["since_ms"], whole["until_ms"])
    return {row["month"]: [(each["n"], each["value"]) for each in row["retention"]] for row in rows}


def test_a_cohort_keeps_its_first_month_and_small_ones_are_left_out() -> None:
    """January: 40 customers, 10 of whom order in March; February: 20 others, all in March; March: 5, not shown."""
    january = [event(user, 3) for user in range(40)] + [event(user, 60) for user in range(10)]
    february = [event(user, day) for user in range(40, 60) for day in (31, 70)]
    march = [event(user, 70) for user in range(60, 65)]
    log = log_of([*january, *february, *march, event(0, 90)])
    jan, feb = at(-1), at(30)
    assert triangle(log) == {jan: [(40, 1.0), (40, 0.0), (40, 0.25)], feb: [(20, 1.0), (20, 1.0)]}
    assert list(triangle(log, since_ms=at(35))) == [feb]
    assert list(triangle(log, until_ms=at(30))) == [jan]


def test_a_cohort_of_a_segment_that_leaves_a_few_others_is_left_out() -> None:
    log = log_of([event(user, 3) for user in range(60)] + [event(0, 40)])
    sizes = [[row["customers"] for row in cohort_triangle(log, np.arange(60) < n, None, None)] for n in (40, 41, 60)]
    assert sizes == [[40], [], [60]]


def test_a_month_that_has_not_ended_is_no_figure() -> None:
    log = log_of([event(user, 3) for user in range(20)] + [event(0, 40)])
    assert triangle(log) == {at(-1): [(20, 1.0)]}

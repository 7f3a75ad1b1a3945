"""Cohort triangle: customers by the month of their first order, and the share of them who ordered in each later one."""

from typing import Any

import numpy as np

from recsys.arrays import Bools
from recsys.customers.kpis.figures import is_small, share_figure
from recsys.customers.kpis.log import KpiLog
from recsys.customers.kpis.periods import Period, period_at, periods_between
from recsys.customers.population import MIN_GROUP

WORDS = (
    "A cohort is the customers with their first order in that month (UTC); retention is the share of them with an "
    "order so many months later. The first month of the log holds customers who had bought before it, too."
)


def cohort_triangle(log: KpiLog, members: Bools, since_ms: int | None, until_ms: int | None) -> list[dict[str, Any]]:
    """A row per month of first orders within the time, of MIN_GROUP customers or more; months that have not ended count
    as no figure, and months with a few other customers, who would follow by subtraction, are left out.  members (U,).
    Raises BadInput.
    """
    orders = log.orders
    kept = np.flatnonzero(np.diff(orders.indptr) > 0)
    if not len(kept):
        return []
    months = periods_between(int(orders.at_ms.min()), log.as_of_ms, "month")
    starts = np.array([month.start_ms for month in months])
    n_months = len(months)
    month_of_order = starts.searchsorted(orders.at_ms, "right") - 1
    first_month = np.full(log.n_customers, -1)
    first_month[kept] = month_of_order[orders.indptr[kept]]
    ordered = np.zeros((log.n_customers, n_months), bool)
    ordered[orders.customer, month_of_order] = True
    wanted = _within(months, since_ms, until_ms)
    rows = ((place, first_month == place) for place in wanted)
    return [
        _cohort(log, months[place:], ordered[cohort & members, place:])
        for place, cohort in rows
        if np.count_nonzero(cohort & members) >= MIN_GROUP and not is_small(int((cohort & ~members).sum()))
    ]


def _within(months: list[Period], since_ms: int | None, until_ms: int | None) -> list[int]:
    since = months[0].start_ms if since_ms is None else period_at(since_ms, "month").start_ms
    until = months[-1].end_ms if until_ms is None else until_ms
    return [place for place, month in enumerate(months) if since <= month.start_ms < until]


def _cohort(log: KpiLog, months: list[Period], ordered: Bools) -> dict[str, Any]:
    """One row; ordered (C, M): who ordered in its own month and in each later one."""
    n = len(ordered)
    ended = [(place, month) for place, month in enumerate(months) if month.end_ms <= log.as_of_ms]
    return {
        "month": months[0].start_ms,
        "customers": n,
        "retention": [
            {"months_later": place, **share_figure(int(ordered[:, place].sum()), n)._asdict()} for place, _ in ended
        ],
    }

"""Rhythm of customers as of a moment: recency, frequency, money, gaps and discount share."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Longs
from recsys.customers.orders import Orders
from recsys.time_units import DAY_MS

MIN_GAPS = 3  # between purchase days; with fewer a customer has no gap of their own


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The rhythm of U customers at `as_of_ms`, from the orders before it; (U,) each.

    n_orders, n_days int32: orders, and days (UTC) with one.  money, discount float64: sums.  margin: NaN where unknown.
    first_at_ms, last_at_ms int64: of their orders, -1 without any.  recency_days: from the last purchase day to
    `as_of_ms`, NaN without any.  gap_days: median days between two purchase days, NaN with fewer than MIN_GAPS gaps.
    """

    as_of_ms: int
    n_orders: Ints
    n_days: Ints
    money: Doubles
    discount: Doubles
    margin: Doubles
    first_at_ms: Longs
    last_at_ms: Longs
    gap_days: Doubles

    @property
    def has_bought(self) -> Bools:
        return self.n_orders > 0

    @property
    def recency_days(self) -> Doubles:
        """Whole days since the day of the last purchase.  (U,)"""
        days = self.as_of_ms // DAY_MS - self.last_at_ms // DAY_MS
        return np.where(self.has_bought, days, np.nan)

    @property
    def discount_share(self) -> Doubles:
        """Part of the full price that discounts took off, 0 to 1; NaN without any money.  (U,)"""
        full = self.money + self.discount
        return np.where(full > 0, self.discount / np.where(full > 0, full, 1.0), np.nan)


def rhythm_at(orders: Orders, as_of_ms: int) -> Rhythm:
    """The rhythm at that moment.  Later orders and returns do not count."""
    known = orders.until(as_of_ms)
    day, starts = known.at_ms // DAY_MS, known.indptr
    n_orders = np.diff(starts).astype(np.int32)
    is_new_day = np.ones(len(day), bool)
    is_new_day[1:] = (np.diff(day) > 0) | (np.diff(known.customer) > 0)
    has_bought = n_orders > 0
    return Rhythm(
        as_of_ms=as_of_ms,
        n_orders=n_orders,
        n_days=_sums(known.customer, is_new_day, len(n_orders)).astype(np.int32),
        money=_sums(known.customer, known.money, len(n_orders)),
        discount=_sums(known.customer, known.discount, len(n_orders)),
        margin=_sums(known.customer, known.margin, len(n_orders)),
        first_at_ms=_at(known.at_ms, starts[:-1], has_bought),
        last_at_ms=_at(known.at_ms, starts[1:] - 1, has_bought),
        gap_days=median_gaps(known.customer[is_new_day], day[is_new_day], len(n_orders)),
    )


def median_gaps(customer: Ints, day: Longs, n_customers: int) -> Doubles:
    """Median days between neighbours, NaN with fewer than MIN_GAPS.  customer, day (N,): sorted, each day once. (U,)"""
    gap = np.diff(day)
    kept = np.diff(customer) == 0
    owner, gap = customer[1:][kept], gap[kept]
    gap = gap[np.lexsort((gap, owner))]
    start = owner.searchsorted(np.arange(n_customers + 1))
    number = np.diff(start)
    medians = np.full(n_customers, np.nan)
    enough = np.flatnonzero(number >= MIN_GAPS)
    low, high = start[enough] + (number[enough] - 1) // 2, start[enough] + number[enough] // 2
    medians[enough] = (gap[low] + gap[high]) / 2
    return medians


def _sums(customer: Ints, values: AnyArray, n_customers: int) -> Doubles:
    return np.bincount(customer, values, n_customers).astype(np.float64)


def _at(values: Longs, rows: Longs, exists: Bools) -> Longs:
    """The value at each row, -1 where it does not exist."""
    at = np.full(len(rows), -1, np.int64)
    at[exists] = values[rows[exists]]
    return at

"""Activity features of customers as of a moment: recency, frequency, money, rhythm and habits.

Only orders before the moment count, so that a feature never knows what happened after it.
"""

import numpy as np

from recsys.arrays import Doubles, Ints, Longs
from recsys.customers.orders import Orders
from recsys.time_units import DAY_MS

SHORT_DAYS, LONG_DAYS = 28.0, 91.0  # windows in which orders and money are counted
ACTIVE_DAYS = LONG_DAYS  # who ordered within so many days is active
THEME_BY_FEATURE = {
    "log_recency": "recency",
    "log_orders_28": "frequency",
    "log_orders_91": "frequency",
    "log_orders": "frequency",
    "log_money_28": "money",
    "log_money_91": "money",
    "log_order_value": "money",
    "log_weeks_91": "frequency",
    "log_median_gap": "rhythm",
    "log_longest_gap": "rhythm",
    "gap_variation": "rhythm",
    "log_overdue": "recency",
    "log_tenure": "tenure",
    "discount_share": "discounts",
    "log_lines": "basket size",
}
FEATURES = tuple(THEME_BY_FEATURE)
THEMES = tuple(dict.fromkeys(THEME_BY_FEATURE.values()))
THEME_OF = np.array([THEMES.index(theme) for theme in THEME_BY_FEATURE.values()], np.int8)


def activity_features(orders: Orders, as_of_ms: int) -> Doubles:
    """The features of all customers, (U, F) in the order of FEATURES; NaN for customers without an order so far.

    orders: those before as_of_ms, see `Orders.until`.  A customer with a single order has their age as the gap.
    """
    customer, n_customers = orders.customer, orders.n_customers
    age = (as_of_ms - orders.at_ms) / DAY_MS
    n = np.diff(orders.indptr)
    recency, tenure = _ends(orders, age)
    short, long = age <= SHORT_DAYS, age <= LONG_DAYS

    def total(
        column: Doubles | Ints, rows: "np.ndarray[tuple[int], np.dtype[np.bool_]] | slice" = slice(None)
    ) -> Doubles:
        return np.bincount(customer[rows], column[rows], n_customers).astype(np.float64)

    ones = np.ones(len(age))
    money = np.maximum(orders.money, 0.0)
    spent = total(money)
    median_gap, longest_gap, mean_gap, variation = _gaps(orders, tenure)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [
            np.log1p(recency),
            np.log1p(total(ones, short)),
            np.log1p(total(ones, long)),
            np.log1p(n),
            np.log1p(total(money, short)),
            np.log1p(total(money, long)),
            np.log1p(spent / n),
            np.log1p(_active_weeks(customer[long], age[long], n_customers)),
            np.log1p(median_gap),
            np.log1p(longest_gap),
            variation,
            np.log1p(recency) - np.log1p(mean_gap),
            np.log1p(tenure),
            total(orders.discount) / np.maximum(spent + total(orders.discount), 1e-9),
            np.log1p(total(orders.n_lines) / n),
        ]
    features = np.column_stack(columns)
    features[n == 0] = np.nan
    return features


def order_counts(orders: Orders, as_of_ms: int, days: float) -> Longs:
    """The orders of each customer in the `days` before the moment.  (U,)"""
    recent = orders.at_ms >= as_of_ms - days * DAY_MS
    return np.bincount(orders.customer[recent], minlength=orders.n_customers)


def recency_days(orders: Orders, as_of_ms: int) -> Doubles:
    """Days since the last order of each customer, infinite without one.  (U,)"""
    recency = _ends(orders, (as_of_ms - orders.at_ms) / DAY_MS)[0]
    return np.where(np.isnan(recency), np.inf, recency)


def _ends(orders: Orders, age: Doubles) -> tuple[Doubles, Doubles]:
    """Days since the last order and since the first, NaN without any.  (U,), (U,)"""
    starts, stops = orders.indptr[:-1], orders.indptr[1:]
    known = np.flatnonzero(stops > starts)
    recency, tenure = np.full(orders.n_customers, np.nan), np.full(orders.n_customers, np.nan)
    recency[known], tenure[known] = age[stops[known] - 1], age[starts[known]]
    return recency, tenure


def _active_weeks(customer: Ints, age: Doubles, n_customers: int) -> Longs:
    """In how many of the weeks before the moment each customer ordered.  (U,)"""
    weeks = round(LONG_DAYS / 7) + 1
    cells = np.unique(customer.astype(np.int64) * weeks + np.floor(age / 7).astype(np.int64))
    return np.bincount(cells // weeks, minlength=n_customers)


def _gaps(orders: Orders, tenure: Doubles) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Median, longest and mean days between orders, and their coefficient of variation, (U,) each."""
    gap = np.diff(orders.at_ms) / DAY_MS
    within = np.diff(orders.customer) == 0
    gap, customer = gap[within], orders.customer[1:][within]
    n = np.bincount(customer, minlength=orders.n_customers)
    ordered = gap[np.lexsort((gap, customer))]
    start, known = np.cumsum(n) - n, np.flatnonzero(n)
    median, longest, mean = tenure.copy(), tenure.copy(), tenure.copy()
    median[known] = ordered[start[known] + n[known] // 2]
    longest[known] = ordered[start[known] + n[known] - 1]
    mean[known] = np.bincount(customer, gap, orders.n_customers)[known] / n[known]
    squares = np.bincount(customer, gap * gap, orders.n_customers)[known] / n[known]
    variation = np.zeros(orders.n_customers)
    variation[known] = np.sqrt(np.maximum(squares - mean[known] ** 2, 0.0)) / np.maximum(mean[known], 0.5)
    return median, longest, mean, variation

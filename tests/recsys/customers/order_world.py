"""A small world of orders with a known truth: customers buy at rates of their own, and some leave for good."""

import numpy as np

from recsys.arrays import Doubles, Ints, Longs
from recsys.customers.orders import Amounts, Orders, Postings, sum_orders
from recsys.time_units import DAY_MS

AS_OF_MS = 300 * DAY_MS


def orders_of_days(
    customer: Ints, day: Doubles, money: Doubles | None = None, n_customers: int | None = None
) -> Orders:
    """One order per row, of one line; costs are unknown."""
    order = np.lexsort((day, customer))
    customer, day = customer[order].astype(np.int32), day[order]
    paid = np.full(len(day), 10.0) if money is None else money[order]
    zero, one = np.zeros(len(day)), np.ones(len(day))
    amounts = Amounts(paid, zero, np.full(len(day), np.nan), one, one)
    at_ms: Longs = np.round(day * DAY_MS).astype(np.int64)
    n = int(customer.max(initial=-1)) + 1 if n_customers is None else n_customers
    return sum_orders(Postings(customer, np.arange(len(day), dtype=np.int64), at_ms, amounts), n)


def leaving_world(n_customers: int = 1_500, days: float = 300.0, seed: int = 0) -> Orders:
    """Gaps are exponential around a mean of the customer's own, from 2 to 30 days; about half leave on some day."""
    rng = np.random.default_rng(seed)
    gap, left = rng.uniform(2, 30, n_customers), rng.uniform(20, 2 * days, n_customers)
    customer, day = [], []
    for user in range(n_customers):
        times = np.cumsum(rng.exponential(gap[user], 200))
        times = times[(times < days) & (times < left[user])]
        customer.append(np.full(len(times), user))
        day.append(times)
    users = np.concatenate(customer)
    return orders_of_days(users, np.concatenate(day), rng.gamma(4, 5, len(users)), n_customers)

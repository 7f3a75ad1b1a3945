"""Cost of the scores of customers: CPU seconds and memory of what a training adds, on generated customers.

python -m tests.bench.customer_scores --customers 1000000
"""

import argparse
import resource
import time

import numpy as np

from recsys.customers.orders import Amounts, Orders, Postings, sum_orders
from recsys.data.dataset.histories import build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import PURCHASE
from recsys.learning.customers.needs import fit_needs
from recsys.learning.customers.scores import learn_scores
from recsys.models.buy_again import BuyAgain
from recsys.time_units import DAY_MS

DAYS, N_ITEMS, N_CATEGORIES = 365, 2_000, 20


def generated(n_customers: int, orders_each: int, rng: np.random.Generator) -> tuple[Orders, Interactions]:
    """Customers with rates of their own, of whom half leave; each order is one line."""
    rate = rng.gamma(2.0, orders_each / 2.0, n_customers)
    customer = np.repeat(np.arange(n_customers, dtype=np.int32), rng.poisson(rate))
    left = rng.uniform(30, 2 * DAYS, n_customers)
    day = np.sort(customer + rng.random(len(customer))) - customer  # sorted within each customer
    day *= np.minimum(left, DAYS)[customer]
    money, n = rng.gamma(4, 5, len(day)), len(day)
    zero, one = np.zeros(n), np.ones(n)
    amounts = Amounts(money, zero, np.full(n, np.nan), one, one)
    at_ms = np.round(day * DAY_MS).astype(np.int64)
    orders = sum_orders(Postings(customer, np.arange(n, dtype=np.int64), at_ms, amounts), n_customers)
    item = ((customer.astype(np.int64) * 7 + rng.integers(0, 5, n) ** 3) % N_ITEMS).astype(np.int32)
    histories = build_histories(
        user=customer,
        item=item,
        at=day,
        weight=one.astype(np.float32),
        kind=np.full(n, PURCHASE, np.int8),
        n_users=n_customers,
        n_items=N_ITEMS,
        now=float(DAYS),
    )
    category = (1 + np.arange(N_ITEMS) % (N_CATEGORIES - 1)).astype(np.int32)
    return orders, Interactions(histories, np.full(n, -1, np.int32), money.astype(np.float32), category)


def main() -> None:
    """Prints one line per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=10, help="per customer, on average")
    args = parser.parse_args()
    orders, data = generated(args.customers, args.orders, np.random.default_rng(0))
    before = _peak_gib()
    print(f"{args.customers:,} customers, {len(orders.at_ms):,} orders; {before:.2f} GiB hold the data")
    start = time.process_time()
    names = [f"category {at}" for at in range(N_CATEGORIES)]
    scores, _ = learn_scores(orders, data, names, DAYS * DAY_MS, np.random.default_rng(0))
    print(f"value, churn, propensity, clusters: {time.process_time() - start:.1f} s CPU; peak {_peak_gib():.2f} GiB")
    start = time.process_time()
    fit_needs(data, BuyAgain(), np.random.default_rng(0))
    print(f"needs: {time.process_time() - start:.1f} s CPU; peak {_peak_gib():.2f} GiB")
    known = float(np.mean(~np.isnan(scores.value)))
    print(f"customers with a value: {known:.1%}")


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()

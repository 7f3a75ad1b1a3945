"""Past moments of the orders: features and outcomes as they were known then, each worked out once."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles, Ints
from recsys.customers.orders import Orders, Postings, sum_orders
from recsys.customers.prediction.churn import has_churned, is_active
from recsys.customers.prediction.features import activity_features
from recsys.time_units import DAY_MS

MOST_CUSTOMERS = 20_000  # learnt from; more narrow a coefficient little and take longer
SHORTEST_PAST_DAYS = 56  # before a moment that is learnt from


@dataclass(frozen=True, slots=True)
class Moment:
    """Customers as they were known at one moment: orders before it, features (U, F), and who was active."""

    at_ms: int
    orders: Orders
    features: Doubles
    active: Bools


@dataclass(slots=True)
class Past:
    """The orders up to `as_of_ms`, and moments before it."""

    orders: Orders
    as_of_ms: int
    _moments: dict[int, Moment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.orders = self.orders.until(self.as_of_ms)

    @property
    def first_ms(self) -> int:
        """The first order, or as_of_ms without any."""
        return int(self.orders.at_ms.min(initial=self.as_of_ms))

    def as_of(self, at_ms: int) -> "Past":
        """The past of an earlier moment.  It shares the moments: they hold nothing that came later."""
        return Past(self.orders, at_ms, self._moments)

    def moment(self, at_ms: int) -> Moment:
        """The customers at a moment up to `as_of_ms`."""
        if at_ms not in self._moments:
            known = self.orders.until(at_ms)
            self._moments[at_ms] = Moment(at_ms, known, activity_features(known, at_ms), is_active(known, at_ms))
        return self._moments[at_ms]

    def moments(self, until_ms: int, horizon_days: float, n: int, step_days: int) -> Iterator[Moment]:
        """Moments whose outcomes are known at `until_ms`, the latest first; none with too short a past."""
        for step in range(n):
            at_ms = until_ms - round((horizon_days + step * step_days) * DAY_MS)
            if at_ms - self.first_ms >= SHORTEST_PAST_DAYS * DAY_MS:
                yield self.moment(at_ms)

    def churned(self, moment: Moment, horizon_days: float) -> Bools:
        """Who did not order in the days after the moment.  (U,)"""
        return has_churned(self.orders, moment.at_ms, horizon_days)


def sampled(orders: Orders, rng: Generator, most: int = MOST_CUSTOMERS) -> Orders:
    """The orders of some customers, who are numbered anew; all where there are no more than `most`."""
    if orders.n_customers <= most:
        return orders
    chosen = np.sort(rng.choice(orders.n_customers, most, replace=False)).astype(np.int32)
    return orders_of(orders, chosen)


def orders_of(orders: Orders, customers: Ints) -> Orders:
    """The orders of those customers, who rise, numbered anew."""
    number = np.full(orders.n_customers, -1, np.int32)
    number[customers] = np.arange(len(customers), dtype=np.int32)
    postings = orders.postings
    rows = number[postings.customer] >= 0
    kept = Postings(
        number[postings.customer[rows]], postings.order[rows], postings.at_ms[rows], postings.amounts.where(rows)
    )
    return sum_orders(kept, len(customers))

"""Outcomes of customers around a campaign: money, margin and orders in its window, and money before it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles
from recsys.customers.orders import Orders


class ComparisonWindow(NamedTuple):
    """Unix ms: before_ms to start_ms is the time before, start_ms to end_ms that of the campaign."""

    before_ms: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """N customers: what each paid after discounts, less what was sent back.  (N,) each

    margin: None where the cost of something that was bought is unknown.  bought: whether there is an order.
    """

    after: Doubles
    before: Doubles
    margin: Doubles | None
    bought: Bools

    def where(self, rows: AnyArray) -> "Outcomes":
        margin = None if self.margin is None else self.margin[rows]
        return Outcomes(self.after[rows], self.before[rows], margin, self.bought[rows])


def measure_outcomes(orders: Orders, positions: AnyArray, window: ComparisonWindow) -> Outcomes:
    """Of the customers at those positions (N,); MISSING is one without an order."""
    postings = orders.postings
    after = (postings.at_ms >= window.start_ms) & (postings.at_ms < window.end_ms)
    before = (postings.at_ms >= window.before_ms) & (postings.at_ms < window.start_ms)
    margin = _sums(orders, after, postings.amounts.margin, positions)
    units = np.where(postings.amounts.n_items > 0, postings.amounts.n_items, 0.0)
    return Outcomes(
        after=_sums(orders, after, postings.amounts.money, positions),
        before=_sums(orders, before, postings.amounts.money, positions),
        margin=None if np.isnan(margin).any() else margin,
        bought=_sums(orders, after, units, positions) > 0,
    )


def _sums(orders: Orders, rows: Bools, column: Doubles, positions: AnyArray) -> Doubles:
    sums = np.bincount(orders.postings.customer[rows], column[rows], orders.n_customers)
    return np.append(sums, 0.0)[positions]  # MISSING is -1: the last

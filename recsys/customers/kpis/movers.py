"""Movers: items whose units rose or fell between two windows of the log, each with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from recsys.arrays import Bools, Doubles, Longs
from recsys.customers.kpis.periods import Period
from recsys.customers.orders import PaidLines
from recsys.customers.population import MIN_GROUP
from recsys.data.entities import Item
from recsys.data.events import PURCHASE
from recsys.errors import BadInput
from recsys.time_units import DAY_MS, date

FALSE_SHARE = 0.05  # of the items that are called clear, on average at most
INTERVAL = 0.95


class Movers(NamedTuple):
    """J items that MIN_GROUP customers or more bought in either window: item (J,), a place among those of the log.

    before, after (J,): units.  low, high (J,): interval of after - before.  customers (J,): who bought in either.
    p (J,): two-sided, of no difference.
    """

    item: Longs
    before: Doubles
    after: Doubles
    low: Doubles
    high: Doubles
    customers: Longs
    p: Doubles

    @property
    def difference(self) -> Doubles:
        return self.after - self.before

    def is_clear(self) -> Bools:
        """Which moved, with at most FALSE_SHARE of those named by chance.  (J,)"""
        return false_discoveries(self.p) <= FALSE_SHARE

    def by_evidence(self) -> Longs:
        """Their places, the surest first, then the largest difference, then the item.  (J,)"""
        return np.lexsort((self.item, -np.abs(self.difference), self.p)).astype(np.int64)


def windows(until_ms: int, days: int, back: int) -> tuple[Period, Period]:
    """The window of `days` that ends at the moment, and that of the same length `back` days before.  Raises BadInput.

    The same weekdays lie in both where `back` is a multiple of seven.
    """
    if back < days:
        raise BadInput(f"back {back}: the windows of {days} days would overlap; take {days} days or more")
    start_ms, earlier = until_ms - days * DAY_MS, back * DAY_MS
    return Period(start_ms - earlier, until_ms - earlier), Period(start_ms, until_ms)


def sales_moves(paid: PaidLines, before: Period, after: Period, n_customers: int, *, is_total: bool = False) -> Movers:
    """The movers between two windows that do not overlap; is_total: all items together as one, of number 0.

    The units of one customer belong together, so that the interval is that of a sum over `n_customers` customers.
    """
    at_ms, bought = paid.at_ms, paid.lines.kind == PURCHASE
    is_before = bought & (at_ms >= before.start_ms) & (at_ms < before.end_ms)
    is_after = bought & (at_ms >= after.start_ms) & (at_ms < after.end_ms)
    kept = np.flatnonzero(is_before | is_after)
    item = np.zeros(len(kept), np.int64) if is_total else paid.lines.item[kept].astype(np.int64)
    own, group = np.unique(item * n_customers + paid.lines.user[kept], return_inverse=True)
    units = paid.amounts.n_items[kept]
    earlier: Doubles = np.bincount(group, units * is_before[kept], len(own)).astype(np.float64)
    later: Doubles = np.bincount(group, units * is_after[kept], len(own)).astype(np.float64)
    items, place = np.unique(own // max(n_customers, 1), return_inverse=True)
    n = len(items)
    return _movers(items, place, earlier, later, np.bincount(place, minlength=n) >= MIN_GROUP, n_customers)


def _movers(items: Longs, place: Longs, earlier: Doubles, later: Doubles, is_kept: Bools, n_customers: int) -> Movers:
    """Of units by item and customer, and the item of each; only items that are kept."""
    n, moved = len(items), later - earlier
    difference, customers = np.bincount(place, moved, n), np.bincount(place, minlength=n)
    # Cochran 1977, "Sampling techniques", eq. 2.22: the variance of a sum over customers, of whom most bought nothing.
    squares = np.bincount(place, moved**2, n)
    error = np.sqrt(n_customers / max(n_customers - 1, 1) * (squares - difference**2 / max(n_customers, 1)))
    # As many customers as would sum up so if all differed alike (Kish 1965): a few who buy in bulk make it wide.
    alike = squares**2 / np.maximum(np.bincount(place, moved**4, n), np.finfo(float).tiny)
    freedom = np.maximum(alike - 1, 1)
    half = stdtrit(freedom, (1 + INTERVAL) / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, np.abs(difference) / error, np.where(difference == 0, 0.0, np.inf))
    before, after = np.bincount(place, earlier, n), np.bincount(place, later, n)
    columns = (items, before, after, difference - half, difference + half, customers, 2 * stdtr(freedom, -t))
    return Movers._make(column[is_kept] for column in columns)


def false_discoveries(p: Doubles) -> Doubles:
    """The share of false ones among all with a p as small, at most.  (N,) -> (N,), in [0, 1].

    Benjamini & Hochberg 1995.
    """
    order = np.argsort(-p, kind="stable")
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum.accumulate(p[order] * len(p) / ranks)
    return np.minimum(adjusted, 1.0)


def movers_report(
    paid: PaidLines, items: Mapping[str, Item], periods: tuple[Period, Period], n_customers: int, limit: int | None
) -> dict[str, Any]:
    """The movers as JSON types, the surest first, beside what all items together did.  Raises BadInput."""
    moves, whole = sales_moves(paid, *periods, n_customers), sales_moves(paid, *periods, n_customers, is_total=True)
    if not len(whole.item):
        begins = " and ".join(date(period.start_ms / DAY_MS) for period in periods)
        raise BadInput(f"fewer than {MIN_GROUP} customers bought in the windows from {begins}; take longer ones")
    clear, order = moves.is_clear(), moves.by_evidence()[:limit]
    rows = [_row(moves, at, paid.item_ids, items) | {"is_clear": bool(clear[at])} for at in order.tolist()]
    before, after = ({"from": each.start_ms, "to": each.end_ms} for each in periods)
    return {
        "as_of": periods[1].end_ms,
        "windows": {"before": before, "after": after},
        "interval": INTERVAL,
        "shop": _figures(whole, 0),
        "n_items": len(moves.item),
        "n_clear": int(clear.sum()),
        "items": rows,
    }


def _row(moves: Movers, at: int, item_ids: Sequence[str], items: Mapping[str, Item]) -> dict[str, Any]:
    item_id = item_ids[int(moves.item[at])]
    item = items.get(item_id)
    return {"item_id": item_id, "name": None if item is None else item.name, **_figures(moves, at)}


def _figures(moves: Movers, at: int) -> dict[str, Any]:
    before, after = float(moves.before[at]), float(moves.after[at])
    return {
        "before": before,
        "after": after,
        "difference": after - before,
        "low": float(moves.low[at]),
        "high": float(moves.high[at]),
        "change": after / before - 1 if before > 0 else None,
        "customers": int(moves.customers[at]),
    }

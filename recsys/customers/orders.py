"""Orders of customers: what each order brought, after discounts and without what was sent back.

An order is an occasion of the log: lines with one order id, or without one a customer's day (UTC).  Each unit that was
sent back takes off what was paid for it, from the order that `occasions` assigns it to, at the moment of the return.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Longs
from recsys.data.dataset.occasions import ROUNDING, EventLines, merge_lines, number_occasions, returned_purchases
from recsys.data.events import PURCHASE, RETURN, Activity
from recsys.data.ids import MISSING, IdMap
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl


class Amounts(NamedTuple):
    """Sums of lines, (N,) float64 each.

    money: paid, after discounts; 0 where the price is unknown.  discount: taken off.  margin: money without the cost,
    NaN where a cost is unknown.  n_lines: items of the order, each once.  n_items: units.
    """

    money: Doubles
    discount: Doubles
    margin: Doubles
    n_lines: Doubles
    n_items: Doubles

    def where(self, rows: Bools | Longs) -> "Amounts":
        return Amounts._make(column[rows] for column in self)

    def sums(self, group: Longs, n: int) -> "Amounts":
        """Sums by group.  group (N,) -> (n,) each"""
        return Amounts._make(np.bincount(group, column, n) for column in self)


class PaidLines(NamedTuple):
    """N purchases and returns, sorted by customer, item, time, with Unix ms and the amounts of each line.

    item_ids: of the items, whose numbers in `lines` are their places here.
    """

    lines: EventLines
    at_ms: Longs
    amounts: Amounts
    item_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Postings:
    """What was bought and sent back, summed by order and moment: P rows, sorted by customer and order.

    customer, order (P,): an order has one number.  at_ms (P,).  amounts: negative for what was sent back.
    """

    customer: Ints
    order: Longs
    at_ms: Longs
    amounts: Amounts

    def until(self, at_ms: int) -> "Postings":
        """Those before that moment."""
        kept = self.at_ms < at_ms
        return Postings(self.customer[kept], self.order[kept], self.at_ms[kept], self.amounts.where(kept))


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of U customers of which something was kept, O rows, sorted by customer, then time.

    indptr (U + 1,): the orders of customer u are indptr[u]:indptr[u + 1].  customer (O,) int32.
    at_ms (O,): the last purchase of the order.  money, discount, margin (O,) float64, n_lines (O,) int32,
    n_items (O,) float64: see `Amounts`.  postings: what the sums come from.
    """

    indptr: Longs
    customer: Ints
    at_ms: Longs
    money: Doubles
    discount: Doubles
    margin: Doubles
    n_lines: Ints
    n_items: Doubles
    postings: Postings

    @property
    def n_customers(self) -> int:
        return len(self.indptr) - 1

    def until(self, at_ms: int) -> "Orders":
        """The orders as they were known at that moment (Unix ms): without later purchases and later returns."""
        if self.postings.at_ms.max(initial=at_ms - 1) < at_ms:
            return self
        return sum_orders(self.postings.until(at_ms), self.n_customers)


def sum_orders(postings: Postings, n_customers: int) -> Orders:
    """The orders that the postings add up to."""
    order, group = np.unique(postings.order, return_inverse=True)
    n, sums = len(order), postings.amounts.sums(group, len(order))
    customer = np.zeros(n, np.int32)
    customer[group] = postings.customer
    at_ms = np.full(n, np.iinfo(np.int64).min)
    is_bought = postings.amounts.n_items > 0
    np.maximum.at(at_ms, group[is_bought], postings.at_ms[is_bought])
    kept = np.flatnonzero(sums.n_lines > 0)
    kept = kept[np.lexsort((at_ms[kept], customer[kept]))]
    money, discount, margin, n_lines, n_items = sums.where(kept)
    return Orders(
        indptr=customer[kept].searchsorted(np.arange(n_customers + 1)).astype(np.int64),
        customer=customer[kept],
        at_ms=at_ms[kept],
        money=money,
        discount=discount,
        margin=margin,
        n_lines=n_lines.astype(np.int32),
        n_items=n_items,
        postings=postings,
    )


def build_orders(paid: PaidLines, n_customers: int) -> Orders:
    """The orders of all customers from their purchases and returns."""
    return sum_orders(post_lines(paid), n_customers)


def post_lines(paid: PaidLines) -> Postings:
    """The lines as postings, with what was sent back taken off the order that it belongs to."""
    lines, standing = paid.lines, merge_lines(paid.lines)
    bought = np.flatnonzero(lines.kind == PURCHASE)
    amounts = paid.amounts._replace(n_lines=(standing == np.arange(len(standing))).astype(np.float64))
    back, target, taken_off = _sent_back(paid, amounts, standing)
    occasion = number_occasions(lines.user, lines.at, lines.basket)
    rows = np.concatenate((bought, back))
    whole = Amounts._make(map(_joined, amounts.where(bought), taken_off))
    return _by_moment(
        lines.user[rows], occasion[np.concatenate((bought, target))], paid.at_ms[rows], whole, first_row=rows
    )


def _joined(first: AnyArray, second: AnyArray) -> AnyArray:
    return np.concatenate((first, second))


def _sent_back(paid: PaidLines, amounts: Amounts, standing: Longs) -> tuple[Longs, Longs, Amounts]:
    """The returns, the purchase each belongs to, and what it takes off.  (M,), (M,), (M,) each"""
    lines = paid.lines
    back, target = returned_purchases(lines, standing)
    back, target = back[target != MISSING], target[target != MISSING]
    order = np.argsort(target, kind="stable")
    back, target = back[order], target[order]
    bought = lines.kind == PURCHASE
    sums = amounts.where(bought).sums(standing[bought], len(standing)).where(target)
    before, after = _running(lines.quantity[back], target, sums.n_items)
    is_last = (before < sums.n_items - ROUNDING) & (after >= sums.n_items - ROUNDING)
    share = (after - before) / sums.n_items
    off = Amounts(
        -share * sums.money, -share * sums.discount, -share * sums.margin, -is_last.astype(np.float64), before - after
    )
    return back, target, off


def _running(units: Doubles, target: Longs, most: Doubles) -> tuple[Doubles, Doubles]:
    """Units of the target that are back before and after each return, at most `most`.  Sorted by target; (M,), (M,)"""
    total = np.cumsum(units)
    start = target.searchsorted(target)
    after = total - (total - units)[start] if len(units) else total
    return np.minimum(after - units, most), np.minimum(after, most)


def _by_moment(customer: Ints, occasion: Longs, at_ms: Longs, amounts: Amounts, *, first_row: Longs) -> Postings:
    """Summed by occasion and moment; orders are numbered in the order of their first rows, so by customer."""
    order = np.lexsort((at_ms, occasion))
    is_first = np.ones(len(order), bool)
    is_first[1:] = (np.diff(occasion[order]) != 0) | (np.diff(at_ms[order]) != 0)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(is_first) - 1
    rows = order[is_first]
    first = np.full(len(first_row), len(first_row) + int(first_row.max(initial=0)))
    _, place = np.unique(occasion, return_inverse=True)
    np.minimum.at(first, place, first_row)
    number = first[place][rows]  # of the order: its first line
    sums = amounts.sums(group, len(rows))
    by_order = np.lexsort((at_ms[rows], number))
    rows, number = rows[by_order], number[by_order]
    return Postings(customer[rows], number, at_ms[rows], sums.where(by_order))


def paid_lines(events: "pl.DataFrame", users: IdMap, cost_by_item: Mapping[str, float]) -> PaidLines:
    """The purchases and returns of the numbered customers in a frame of events in order of `seq`.

    Left out are lines that cost nothing, such as gifts; a line without a price counts with no money.
    """
    import polars as pl

    from recsys.data.dataset.dataset import id_positions, number_baskets

    is_money = pl.col("kind").is_in((PURCHASE, RETURN)) & (
        (pl.col("kind") == RETURN) | ~(pl.col("price") <= 0).fill_null(False)
    )
    kept = events.filter(is_money).with_columns(pl.col("item_id").cast(pl.Categorical))
    kept = kept.filter(pl.Series(id_positions(kept["user_id"], users) != MISSING))
    discount = kept["discount"].fill_null(0.0) if "discount" in kept.columns else pl.zeros(len(kept), eager=True)
    items = IdMap.from_ids(kept["item_id"].unique().to_list())
    item = id_positions(kept["item_id"], items)
    costs = np.array([cost_by_item.get(item_id, np.nan) for item_id in items.texts.all()], np.float64)
    return _sorted_lines(
        EventLines(
            id_positions(kept["user_id"], users),
            item,
            kept["at_ms"].to_numpy() / DAY_MS,
            kept["kind"].to_numpy(),
            number_baskets(kept),
            kept["quantity"].to_numpy(),
        ),
        at_ms=kept["at_ms"].to_numpy(),
        price=kept["price"].fill_null(np.nan).to_numpy(),
        discount=discount.to_numpy(),
        cost=costs[item],
        item_ids=items.texts.all(),
    )


def _sorted_lines(
    lines: EventLines, *, at_ms: Longs, price: Doubles, discount: Doubles, cost: Doubles, item_ids: Sequence[str]
) -> PaidLines:
    order = np.lexsort((at_ms, lines.item, lines.user))
    ordered = EventLines._make(column[order] for column in lines)
    money = np.where(np.isnan(price), 0.0, price)[order] * ordered.quantity
    margin = money - cost[order] * ordered.quantity
    n_lines = np.ones(len(order))
    amounts = Amounts(money, discount[order], margin, n_lines, ordered.quantity)
    return PaidLines(ordered, at_ms[order], amounts, item_ids)


def customer_lines(activity: Activity, cost_by_item: Mapping[str, float]) -> PaidLines:
    """The purchases and returns of one customer, by the rules of `paid_lines`."""
    kind, price = np.array(activity.kind, np.int8), np.array(activity.price, np.float64)  # None is NaN
    kept = np.flatnonzero((kind == RETURN) | ((kind == PURCHASE) & ~(price <= 0)))
    rows = kept.tolist()
    ids, orders = [activity.item_id[row] for row in rows], [activity.order_id[row] for row in rows]
    items = {item_id: place for place, item_id in enumerate(sorted(set(ids), key=str.encode))}
    baskets: dict[str | None, int] = {order_id: place for place, order_id in enumerate(dict.fromkeys(orders))}
    baskets[None] = MISSING
    item, at_ms = np.array([items[item_id] for item_id in ids], np.int32), np.array(activity.at_ms, np.int64)[kept]
    return _sorted_lines(
        EventLines(
            np.zeros(len(kept), np.int32),
            item,
            at_ms / DAY_MS,
            kind[kept],
            np.array([baskets[order_id] for order_id in orders], np.int32),
            np.array(activity.quantity, np.float64)[kept],
        ),
        at_ms=at_ms,
        price=price[kept],
        discount=np.nan_to_num(np.array(activity.discount, np.float64))[kept],
        cost=np.array([cost_by_item.get(item_id, np.nan) for item_id in items], np.float64)[item],
        item_ids=list(items),
    )

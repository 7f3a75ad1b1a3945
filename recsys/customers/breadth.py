"""Breadth of customers: how many items and categories they have bought, at which price level, and of which most."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.customers.orders import PaidLines
from recsys.data.events import PURCHASE

MIN_PRICED = 5  # items of a category with a price; with fewer its items have no price rank


@dataclass(frozen=True, slots=True)
class Breadth:
    """Of U customers, (U,) each.

    n_items, n_categories int32: different ones that they bought.  price_level float64: mean price rank of these items,
    0 cheapest to 1 dearest of its category; NaN without any.  top_category int32: code of the one that they spent most
    on, 0 without any.
    """

    n_items: Ints
    n_categories: Ints
    price_level: Doubles
    top_category: Ints


def breadth_of(paid: PaidLines, category: Ints, price_rank: Floats, n_customers: int) -> Breadth:
    """The breadth of all customers.  category, price_rank (J,): of `paid.item_ids`; 0 and NaN where unknown."""
    customer, item, _ = _sums_by_pair(paid, np.arange(len(paid.item_ids)))
    rank = price_rank[item].astype(np.float64)
    is_ranked = np.isfinite(rank)
    n_ranked = np.bincount(customer[is_ranked], minlength=n_customers)
    total = np.bincount(customer[is_ranked], rank[is_ranked], n_customers)
    owner, code, money = category_money(paid, category)
    top = np.zeros(n_customers, np.int32)
    order = np.lexsort((-code, money, owner))
    top[owner[order]] = code[order]  # of several, the last one is written last
    return Breadth(
        n_items=np.bincount(customer, minlength=n_customers).astype(np.int32),
        n_categories=np.bincount(owner, minlength=n_customers).astype(np.int32),
        price_level=np.where(n_ranked > 0, total / np.maximum(n_ranked, 1), np.nan),
        top_category=top,
    )


def category_money(paid: PaidLines, category: Ints) -> tuple[Longs, Ints, Doubles]:
    """What each customer spent on each known category: customer, code, money.  (P,), (P,), (P,)"""
    owner, code, money = _sums_by_pair(paid, category)
    return owner[code > 0], code[code > 0].astype(np.int32), money[code > 0]


def _sums_by_pair(paid: PaidLines, label: AnyArray) -> tuple[Longs, Longs, Doubles]:
    """Money of purchases by customer and label of the item.  label (J,)"""
    bought = paid.lines.kind == PURCHASE
    size = int(label.max(initial=0)) + 1
    cell = paid.lines.user[bought].astype(np.int64) * size + label[paid.lines.item[bought]]
    pairs, place = np.unique(cell, return_inverse=True)
    money = np.bincount(place, paid.amounts.money[bought], len(pairs)).astype(np.float64)
    return pairs // size, pairs % size, money


def price_ranks(price: Floats, category: Ints) -> Floats:
    """Share of the items of its category that are cheaper, equal prices counted half.  (I,), (I,) -> (I,), in (0, 1)

    NaN without a price or category, or with fewer than MIN_PRICED items with a price in it.
    """
    ranks = np.full(len(price), np.nan, np.float32)
    rows = np.flatnonzero((price > 0) & (category > 0))
    rows = rows[np.lexsort((price[rows], category[rows]))]
    code, value = category[rows], price[rows]
    start, end = code.searchsorted(code), code.searchsorted(code, "right")
    is_next = np.ones(len(rows), bool)
    is_next[1:] = (np.diff(code) != 0) | (np.diff(value) != 0)
    first = np.flatnonzero(is_next)
    group = np.cumsum(is_next) - 1
    middle = (first[group] + np.append(first[1:], len(rows))[group]) / 2
    enough = end - start >= MIN_PRICED
    ranks[rows[enough]] = ((middle - start) / (end - start))[enough]
    return ranks

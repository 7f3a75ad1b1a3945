"""Baselines of a backtest: best-sellers, own frequency and random lists, which need no model."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from eval.metrics.beyond_accuracy import n_buyers
from eval.metrics.ranked_lists import RankedLists
from eval.protocol import RECENT_DAYS
from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, top_k
from recsys.data.dataset.histories import Histories, decay
from recsys.data.events import OWNED_KINDS

STRENGTH = 100.0  # a segment of so many buyers counts as much as the shop; in a smaller one the shop counts more


def best_sellers(histories: Histories, users: Sequence[int], on_sale: Bools, k: int, *, only_new: bool) -> RankedLists:
    """The items most customers bought in the last 28 days, without (`only_new`) or with the customer's own items."""
    order = _sales_order(n_buyers(_recent_purchases(histories)).astype(np.float32), on_sale)
    return RankedLists.from_rows([_first_items(order, histories, user, k, only_new=only_new) for user in users], k)


def segment_best_sellers(
    histories: Histories, users: Sequence[int], segment: Ints, on_sale: Bools, k: int, *, only_new: bool
) -> RankedLists:
    """The best-sellers among customers of the same segment, drawn towards the shop's where these customers are few.

    segment (U,): a code from 1 for each customer, or 0 where unknown: such customers get those of the shop.
    """
    recent = _recent_purchases(histories).pairs()
    buyer = np.repeat(np.arange(len(histories)), np.diff(recent.offsets))
    n_active = max(1, int(np.count_nonzero(np.diff(recent.offsets))))
    share = np.bincount(recent.item, minlength=histories.n_items) / n_active
    orders = {
        code: _sales_order(_shrunk(recent.item[segment[buyer] == code], segment[buyer] == code, buyer, share), on_sale)
        for code in np.unique(segment[np.asarray(users, np.int64)]).tolist()
    }
    return RankedLists.from_rows(
        [_first_items(orders[int(segment[user])], histories, user, k, only_new=only_new) for user in users], k
    )


def own_frequency(
    histories: Histories, users: Sequence[int], on_sale: Bools, k: int, *, half_life_days: float = np.inf
) -> RankedLists:
    """The items each customer bought most often, ties by best-sellers, and behind them the best-sellers.

    With a half-life, a purchase that long ago counts half.  In a young shop most customers have bought most of their
    items once: ties by position would make this rule weak.
    """
    sold = n_buyers(_recent_purchases(histories))
    order = _sales_order(sold.astype(np.float32), on_sale)
    rows = []
    for user in users:
        items, at = _purchases(histories, user)
        own, place = np.unique(items, return_inverse=True)
        weight = np.bincount(place, decay(histories.now - at, half_life_days), minlength=len(own))
        ranked = own[np.lexsort((own, -sold[own], -weight.astype(np.float32)))]
        first = ranked[on_sale[ranked]][:k]
        others = order[: k + len(first)]
        rows.append(np.concatenate((first, others[~np.isin(others, first)]))[:k])
    return RankedLists.from_rows(rows, k)


def random_items(
    histories: Histories, users: Sequence[int], on_sale: Bools, k: int, rng: Generator, *, only_new: bool
) -> RankedLists:
    """Random items on sale, all equally likely, without (`only_new`) or with the customer's own items."""
    items = np.flatnonzero(on_sale).astype(np.int32)
    rows = []
    for user in users:
        had = np.unique(_purchases(histories, user)[0]) if only_new else np.empty(0, np.int32)
        drawn = items[rng.choice(len(items), min(len(items), k + len(had)), replace=False)]
        rows.append(drawn[~np.isin(drawn, had)][:k])
    return RankedLists.from_rows(rows, k)


def _shrunk(items: Ints, is_member: Bools, buyer: Longs, share: Doubles) -> Floats:
    """Share of the segment that bought each item, as if STRENGTH average customers of the shop belonged to it.  (I,)

    Mean of a beta prior around the shop's share; Gelman et al. 2013, section 2.4.
    """
    buyers, n = np.bincount(items, minlength=len(share)).astype(np.float64), len(np.unique(buyer[is_member]))
    return ((buyers + STRENGTH * share) / (n + STRENGTH)).astype(np.float32)


def _recent_purchases(histories: Histories) -> Histories:
    return histories.only(*OWNED_KINDS).since(histories.now - RECENT_DAYS)


def _sales_order(weight: Floats, on_sale: Bools) -> Ints:
    """All items of a weight above 0 that are on sale, best first."""
    weight = np.where(on_sale, weight, 0).astype(np.float32)
    return top_k(weight, int(np.count_nonzero(weight)))


def _first_items(order: Ints, histories: Histories, user: int, k: int, *, only_new: bool) -> Ints:
    if not only_new:
        return order[:k]
    had = np.unique(_purchases(histories, user)[0])
    near = order[: k + len(had)]
    kept: Ints = near[~np.isin(near, had)][:k]
    return kept


def _purchases(histories: Histories, user: int) -> tuple[Ints, Doubles]:
    """The items the customer had, and the time of each: (n,), (n,)."""
    part = slice(int(histories.offsets[user]), int(histories.offsets[user + 1]))
    had = np.isin(histories.kind[part], OWNED_KINDS)
    return histories.item[part][had], histories.at[part][had]

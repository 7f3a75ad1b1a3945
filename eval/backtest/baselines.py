"""What anybody could do without a model; no figure is shown without them."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from eval.metrics.accuracy import RankedLists
from eval.metrics.beyond_accuracy import n_buyers
from eval.protocol import BEST_SELLERS, FADING_FREQUENCY, OWN_FREQUENCY, RANDOM, RECENT_DAYS, SEGMENT
from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, top_k
from recsys.data.dataset.histories import Histories, decay
from recsys.data.events import HAD
from recsys.models.segments import shrunk_share

STRENGTH = 100.0  # a segment counts as much as the shop at so many buyers; below, the shop's best-sellers win

BASELINES = (BEST_SELLERS, SEGMENT, OWN_FREQUENCY, FADING_FREQUENCY, RANDOM)


def best_sellers(histories: Histories, users: Sequence[int], on_sale: Bools, k: int, *, only_new: bool) -> RankedLists:
    """The items most customers bought in the last 28 days, without (`only_new`) or with what each had bought before."""
    order = _order(n_buyers(_recent(histories)).astype(np.float32), on_sale)
    return _lists([_open(order, histories, user, k, only_new=only_new) for user in users], k)


def segment_best_sellers(
    histories: Histories, users: Sequence[int], segment: Ints, on_sale: Bools, k: int, *, only_new: bool
) -> RankedLists:
    """The best-sellers among customers of the same segment, drawn towards the shop's where those are few.

    segment (U,) of all customers: a code from 1, or 0 where unknown; those get the shop's.
    """
    recent = _recent(histories).pairs()
    buyer = np.repeat(np.arange(len(histories)), np.diff(recent.offsets))
    n_active = max(1, int(np.count_nonzero(np.diff(recent.offsets))))
    share = np.bincount(recent.item, minlength=histories.n_items) / n_active
    orders = {
        code: _order(_shrunk(recent.item[segment[buyer] == code], segment[buyer] == code, buyer, share), on_sale)
        for code in np.unique(segment[np.asarray(users, np.int64)]).tolist()
    }
    return _lists([_open(orders[int(segment[user])], histories, user, k, only_new=only_new) for user in users], k)


def own_frequency(
    histories: Histories, users: Sequence[int], on_sale: Bools, k: int, *, half_life_days: float = np.inf
) -> RankedLists:
    """What each customer bought most often, ties by position; shorter where they bought fewer things.

    With a half-life, a purchase that long ago counts half.
    """
    rows = []
    for user in users:
        items, at = _purchases(histories, user)
        kept, place = np.unique(items, return_inverse=True)
        weight = np.bincount(place, decay(histories.now - at, half_life_days), minlength=len(kept))
        kept, weight = kept[on_sale[kept]], weight[on_sale[kept]]
        rows.append(kept[top_k(weight.astype(np.float32), k)])
    return _lists(rows, k)


def random_items(
    histories: Histories, users: Sequence[int], on_sale: Bools, k: int, rng: Generator, *, only_new: bool
) -> RankedLists:
    """Any items on sale, each as likely as any other, without (`only_new`) or with what each had bought before."""
    shelf = np.flatnonzero(on_sale).astype(np.int32)
    rows = []
    for user in users:
        had = np.unique(_purchases(histories, user)[0]) if only_new else np.empty(0, np.int32)
        drawn = shelf[rng.choice(len(shelf), min(len(shelf), k + len(had)), replace=False)]
        rows.append(drawn[~np.isin(drawn, had)][:k])
    return _lists(rows, k)


def _shrunk(items: Ints, is_member: Bools, buyer: Longs, share: Doubles) -> Floats:
    """Share of the segment that bought each item, as if STRENGTH customers of the whole shop were among it.  (I,)"""
    buyers, n = np.bincount(items, minlength=len(share)).astype(np.float64), len(np.unique(buyer[is_member]))
    return shrunk_share(buyers, n, share, STRENGTH).astype(np.float32)


def _recent(histories: Histories) -> Histories:
    return histories.only(*HAD).since(histories.now - RECENT_DAYS)


def _order(weight: Floats, on_sale: Bools) -> Ints:
    """Everything of a weight above 0 that is on sale, best first."""
    weight = np.where(on_sale, weight, 0).astype(np.float32)
    return top_k(weight, int(np.count_nonzero(weight)))


def _open(order: Ints, histories: Histories, user: int, k: int, *, only_new: bool) -> Ints:
    if not only_new:
        return order[:k]
    had = np.unique(_purchases(histories, user)[0])
    near = order[: k + len(had)]
    kept: Ints = near[~np.isin(near, had)][:k]
    return kept


def _purchases(histories: Histories, user: int) -> tuple[Ints, Doubles]:
    """What the customer had, and when: (n,), (n,)."""
    part = slice(int(histories.offsets[user]), int(histories.offsets[user + 1]))
    had = np.isin(histories.kind[part], HAD)
    return histories.item[part][had], histories.at[part][had]


def _lists(rows: Sequence[Ints | Longs | Floats], k: int) -> RankedLists:
    item = np.zeros((len(rows), k), np.int32)
    for at, row in enumerate(rows):
        item[at, : len(row)] = row
    return RankedLists(item, np.array([len(row) for row in rows], np.int32))

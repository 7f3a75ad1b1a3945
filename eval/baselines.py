"""What anybody could do without a model; no figure is shown without them."""

from collections.abc import Sequence

import numpy as np

from eval.metrics import Lists
from recsys.arrays import Bools, Floats, Ints, Longs, top_k
from recsys.data.events import HAD
from recsys.data.histories import Histories

WINDOW_DAYS = 28.0


def best_sellers(histories: Histories, users: Sequence[int], on_sale: Bools, k: int, *, only_new: bool) -> Lists:
    """The items most customers bought in the last 28 days, without (`only_new`) or with what each had bought before."""
    recent = histories.only(*HAD).since(histories.now - WINDOW_DAYS).pairs()
    buyers = np.bincount(recent.item, minlength=histories.n_items).astype(np.float32)
    buyers[~on_sale] = 0
    order = top_k(buyers, int(np.count_nonzero(buyers)))
    rows = [_without(order, _bought(histories, user), k) if only_new else order[:k] for user in users]
    return _lists(rows, k)


def own_frequency(histories: Histories, users: Sequence[int], on_sale: Bools, k: int) -> Lists:
    """What each customer bought most often, ties by position; shorter where they bought fewer things."""
    rows = []
    for user in users:
        items, counts = np.unique(_purchases(histories, user), return_counts=True)
        items, counts = items[on_sale[items]], counts[on_sale[items]]
        rows.append(items[top_k(counts.astype(np.float32), k)])
    return _lists(rows, k)


def _purchases(histories: Histories, user: int) -> Ints:
    part = slice(int(histories.offsets[user]), int(histories.offsets[user + 1]))
    bought: Ints = histories.item[part][np.isin(histories.kind[part], HAD)]
    return bought


def _bought(histories: Histories, user: int) -> Ints:
    return np.unique(_purchases(histories, user))


def _without(order: Ints, bought: Ints, k: int) -> Ints:
    near = order[: k + len(bought)]
    kept: Ints = near[~np.isin(near, bought)][:k]
    return kept


def _lists(rows: Sequence[Ints | Longs | Floats], k: int) -> Lists:
    item = np.zeros((len(rows), k), np.int32)
    for at, row in enumerate(rows):
        item[at, : len(row)] = row
    return Lists(item, np.array([len(row) for row in rows], np.int32))

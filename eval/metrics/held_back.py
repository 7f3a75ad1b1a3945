"""Held-back items: what each of Q customers took after the lists were made, the ground truth of all metrics."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Ints, Longs
from recsys.errors import BadInput


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The items Q customers took later: those of customer q are item[offsets[q]:offsets[q + 1]], ascending, each once.

    value (T,) float64: the money of that customer and item, 0 where unknown.  Items that no model knows count too; they
    may have any number that no model recommends.
    """

    offsets: Longs
    item: Ints
    value: Doubles

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def customer(self) -> Longs:
        """The customer of each item: (T,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def only(self, kept: Bools) -> "HeldBack":
        """The same customers with only those of the T items, such as all that were bought for the first time."""
        offsets = np.concatenate(([0], np.cumsum(kept)))[self.offsets]
        return HeldBack(offsets, self.item[kept], self.value[kept])

    def not_among(self, customer: Longs, item: Ints) -> Bools:
        """Which of the T items are not among those pairs of customer and item, (N,) each: (T,)."""
        stride = 1 + int(max(item.max(initial=0), self.item.max(initial=0)))
        return ~np.isin(self.customer * stride + self.item, customer * stride + item)


def build_held_back(customer: Ints, item: Ints, value: Doubles, *, n_customers: int) -> HeldBack:
    """From purchases in any order, (N,) each; an item that a customer bought several times counts once, with the sum.

    Raises BadInput for an item or customer below 0, a customer out of range, or money that is no finite number from 0.
    """
    if len(item) and (item.min() < 0 or customer.min() < 0 or customer.max() >= n_customers):
        raise BadInput(f"held-back purchases need items from 0 and customers from 0 to {n_customers - 1}")
    if not np.all((value >= 0) & np.isfinite(value)):
        raise BadInput("held-back purchases need money of 0 or more; leave returns out, and give 0 where unknown")
    order = np.lexsort((item, customer))
    customer, item, money = customer[order], item[order], value[order].astype(np.float64)
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (customer[1:] != customer[:-1]) | (item[1:] != item[:-1])
    starts = np.flatnonzero(is_first)
    return HeldBack(
        offsets=np.searchsorted(customer[starts], np.arange(n_customers + 1)).astype(np.int64),
        item=item[starts].astype(np.int32),
        value=np.add.reduceat(money, starts) if len(starts) else money,
    )

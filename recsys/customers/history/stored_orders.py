"""Orders of a release: what every customer bought and sent back, by order and moment, to look at any earlier day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec, offsets
from recsys.bundle.bundle import MAX_MS
from recsys.customers.orders import Amounts, Orders, Postings, sum_orders
from recsys.models.serialization import StoredFields

_LONGS: Any = partial(np.empty, 0, np.int64)
_INTS: Any = partial(np.empty, 0, np.int32)
_FLOATS: Any = partial(np.empty, 0, np.float32)
_DOUBLES: Any = partial(np.empty, 0, np.float64)


@dataclass(frozen=True, slots=True)
class StoredOrders(StoredFields):
    """P postings of U customers, see `Postings`; all is empty in a release made before this part existed.

    user_offsets (U + 1,): where the postings of each customer begin.  order (P,): number of the order.
    """

    user_offsets: Annotated[Longs, offsets("U", "P")] = field(default_factory=_LONGS)
    order: Annotated[Ints, ArraySpec("P", low=0, high=2**31)] = field(default_factory=_INTS)
    at_ms: Annotated[Longs, ArraySpec("P", low=-MAX_MS, high=MAX_MS)] = field(default_factory=_LONGS)
    money: Annotated[Doubles, ArraySpec("P")] = field(default_factory=_DOUBLES)
    n_lines: Annotated[Floats, ArraySpec("P")] = field(default_factory=_FLOATS)
    n_items: Annotated[Floats, ArraySpec("P")] = field(default_factory=_FLOATS)

    def __len__(self) -> int:
        return max(len(self.user_offsets) - 1, 0)

    def arrays(self) -> Mapping[str, AnyArray]:
        """The whole state; nothing without customers."""
        return StoredFields.arrays(self) if len(self) else {}

    def orders(self) -> Orders:
        """The orders of all customers; discounts are 0 and margins unknown, because they are not kept."""
        customer = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.user_offsets))
        n = len(self.order)
        lines, items = self.n_lines.astype(np.float64), self.n_items.astype(np.float64)
        amounts = Amounts(self.money, np.zeros(n), np.full(n, np.nan), lines, items)
        return sum_orders(Postings(customer, self.order.astype(np.int64), self.at_ms, amounts), len(self))


def store_orders(orders: Orders) -> StoredOrders:
    """What a release keeps of these orders."""
    postings = orders.postings
    return StoredOrders(
        user_offsets=postings.customer.searchsorted(np.arange(orders.n_customers + 1)).astype(np.int64),
        order=np.unique(postings.order, return_inverse=True)[1].astype(np.int32),
        at_ms=postings.at_ms,
        money=postings.amounts.money,
        n_lines=postings.amounts.n_lines.astype(np.float32),
        n_items=postings.amounts.n_items.astype(np.float32),
    )

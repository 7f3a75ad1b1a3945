"""Recent buyers: how many customers bought each item in the month before the release, for social proof."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from recsys.arrays import Ints
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.histories import Histories
from recsys.data.events import Kind
from recsys.models.serialization import StoredFields

MONTH_DAYS = 28.0
PROOF_STEPS = (
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
)  # a group below 20 is not told


@dataclass(frozen=True, slots=True)
class RecentBuyers(StoredFields):
    """count (I,): customers with a purchase in MONTH_DAYS; empty in a release made before this part existed."""

    count: Annotated[Ints, ArraySpec("I", low=0)] = field(default_factory=lambda: np.empty(0, np.int32))

    def at_least(self, item: int) -> int | None:
        """The largest of PROOF_STEPS that the buyers reach without whoever is looking; None where none is.

        Rounded down, so that no purchase of one customer can be told from it.
        """
        others = int(self.count[item]) - 1 if item < len(self.count) else 0
        return max((step for step in PROOF_STEPS if step <= others), default=None)


def count_recent_buyers(histories: Histories) -> RecentBuyers:
    """Of all items, up to `histories.now`."""
    pairs = histories.only(Kind.PURCHASE).since(histories.now - MONTH_DAYS).pairs()
    return RecentBuyers(np.bincount(pairs.item, minlength=histories.n_items).astype(np.int32))

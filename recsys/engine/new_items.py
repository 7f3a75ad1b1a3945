"""New items: items that came to the shop lately and that nobody has chosen yet, although training has seen them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from recsys.arrays import Doubles, Floats, Ints
from recsys.bundle import Bundle
from recsys.bundle.array_spec import Arrays, ArraySpec, positions
from recsys.bundle.bundle import MAX_DAYS
from recsys.data.entities import Item
from recsys.data.ids import MISSING, IdMap, Texts
from recsys.models.serialization import StoredFields

NEW_ITEMS_FOLDER = "newness"  # of a bundle
NEW_DAYS = 28.0  # an item that nobody chose for so many days is no longer new


def _pair_fault(arrays: Arrays) -> str | None:
    return None if {"item", "since"} <= arrays.keys() else "without its neighbour"


@dataclass(frozen=True, slots=True)
class NewItems(StoredFields):
    """item (n,) int32: positions, ascending, of items without an event; since (n,): when each came, days since 1970."""

    item: Annotated[Ints, positions("n", "I", order="rising strictly", rule=_pair_fault)] = field(
        default_factory=lambda: np.empty(0, np.int32)
    )
    since: Annotated[Doubles, ArraySpec("n", low=-MAX_DAYS, high=MAX_DAYS, rule=_pair_fault)] = field(
        default_factory=lambda: np.empty(0)
    )

    def still_new(self, now: float) -> Ints:
        """The items that are still new at that moment."""
        return self.item[self.since > now - NEW_DAYS]


def unchosen_items(since_by_id: Mapping[str, float], ids: IdMap, weight: Floats) -> NewItems:
    """The items of `since_by_id` that nobody chose.  weight (I,): popularity of each item."""
    since = {ids.position(item_id): at for item_id, at in since_by_id.items()}
    kept = sorted(item for item in since if item != MISSING and weight[item] <= 0)
    return NewItems(np.array(kept, np.int32), np.array([since[item] for item in kept], np.float64))


def arrival_times(items: Iterable[Item], before: Bundle, now: float) -> dict[str, float]:
    """When each item that is new at `now` (days since 1970) came, by item id.

    before: the previous release; an item that it does not know comes now.
    """
    ids = IdMap(Texts.from_arrays(before.group("catalogue/ids"), ""))
    has_new_items = f"{NEW_ITEMS_FOLDER}/item" in before.names
    known = NewItems.from_arrays(before.group(NEW_ITEMS_FOLDER)) if has_new_items else NewItems()
    since = {MISSING: now, **dict(zip(known.item.tolist(), known.since.tolist(), strict=True))}
    came = {item.item_id: since.get(ids.position(item.item_id), -np.inf) for item in items if not item.deleted}
    return {item_id: at for item_id, at in came.items() if at > now - NEW_DAYS}

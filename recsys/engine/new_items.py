"""New items: items that came to the shop lately and that nobody has chosen yet, although training has seen them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self, cast

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.bundle import Bundle
from recsys.data.entities import Item
from recsys.data.ids import MISSING, IdMap, Texts

NEW_ITEMS_FOLDER = "newness"  # of a bundle
NEW_DAYS = 28.0  # an item that nobody chose for so many days is no longer new


@dataclass(frozen=True, slots=True)
class NewItems:
    """item (n,) int32: positions, ascending, of items without an event; since (n,): when each came, days since 1970."""

    item: Ints
    since: Doubles

    @classmethod
    def empty(cls) -> Self:
        """No new item."""
        return cls(np.empty(0, np.int32), np.empty(0))

    def still_new(self, now: float) -> Ints:
        """The items that are still new at that moment."""
        return self.item[self.since > now - NEW_DAYS]

    def arrays(self) -> Mapping[str, AnyArray]:
        """The whole state, for a bundle."""
        return {"item": self.item, "since": self.since} if len(self.item) else {}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(arrays["item"], arrays["since"])


def unchosen_items(since_by_id: Mapping[str, float], ids: IdMap, weight: Floats) -> NewItems:
    """The items of `since_by_id` that nobody chose.  weight (I,): popularity of each item."""
    since = {ids.position(item_id): at for item_id, at in since_by_id.items()}
    kept = sorted(item for item in since if item != MISSING and weight[item] <= 0)
    return NewItems(np.array(kept, np.int32), np.array([since[item] for item in kept], np.float64))


def arrival_times(items: Iterable[Item], before: Bundle, now: float) -> dict[str, float]:
    """When each item that is new at `now` (days since 1970) came, by item id.

    before: the previous release; an item that it does not know comes now.
    """
    ids = IdMap(Texts(before.array("catalogue/ids/blob"), cast(Longs, before.array("catalogue/ids/offsets"))))
    known = (
        NewItems.from_arrays(before.group(NEW_ITEMS_FOLDER))
        if f"{NEW_ITEMS_FOLDER}/item" in before.names
        else NewItems.empty()
    )
    since = dict(zip(known.item.tolist(), known.since.tolist(), strict=True))
    came = {item.item_id: _since(ids.position(item.item_id), since, now) for item in items if not item.deleted}
    return {item_id: at for item_id, at in came.items() if at > now - NEW_DAYS}


def _since(item: int, since: Mapping[int, float], now: float) -> float:
    return now if item == MISSING else since.get(item, -np.inf)

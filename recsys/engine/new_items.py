"""Which items are new to the shop although a training has seen them: put lately, and nobody has chosen them yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.bundle import Bundle
from recsys.data.entities import Item
from recsys.data.ids import MISSING, IdMap, Texts

NEW_DAYS = 28.0  # an item that nobody chose in so many days is not new any more


@dataclass(frozen=True, slots=True)
class NewItems:
    """item (n,) int32: positions, ascending, of items without an event; since (n,): when each came, days since 1970."""

    item: Ints
    since: Doubles

    def at(self, now: float) -> Ints:
        """Those that are still new at that moment."""
        return self.item[self.since > now - NEW_DAYS]

    def arrays(self) -> Mapping[str, AnyArray]:
        return {"newness/item": self.item, "newness/since": self.since}


def no_new_items() -> NewItems:
    """Of a shop in which everything has been there long."""
    return NewItems(np.empty(0, np.int32), np.empty(0))


def new_items(since_by_id: Mapping[str, float], ids: IdMap, weight: Floats) -> NewItems:
    """Those of the items that nobody chose.  weight (I,): of each item's customers."""
    found = {ids.position(item_id): since for item_id, since in since_by_id.items()}
    kept = sorted(item for item in found if item != MISSING and weight[item] <= 0)
    return NewItems(np.array(kept, np.int32), np.array([found[item] for item in kept], np.float64))


def newcomers_since(items: Iterable[Item], before: Bundle, now: float) -> dict[str, float]:
    """When each item that is new at `now` (days since 1970) came: those the release before did not know come now."""
    ids = IdMap(Texts(before.array("catalogue/ids/blob"), cast(Longs, before.array("catalogue/ids/offsets"))))
    known = read_new_items(before)
    since = dict(zip(known.item.tolist(), known.since.tolist(), strict=True))
    came = {item.item_id: _since(ids.position(item.item_id), since, now) for item in items if not item.deleted}
    return {item_id: at for item_id, at in came.items() if at > now - NEW_DAYS}


def read_new_items(bundle: Bundle) -> NewItems:
    """What a bundle says of it; nothing in one that was made before there was such a thing."""
    if not any(name.startswith("newness/") for name in bundle.names):
        return no_new_items()
    return NewItems(bundle.array("newness/item"), bundle.array("newness/since"))


def _since(item: int, since: Mapping[int, float], now: float) -> float:
    return now if item == MISSING else since.get(item, -np.inf)

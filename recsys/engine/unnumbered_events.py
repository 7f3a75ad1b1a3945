"""Unnumbered events: what customers did with items that came since the training, in a release that a refresh made."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np

from recsys.arrays import Bytes, Doubles, Kinds, Longs
from recsys.bundle.array_spec import LARGEST, ArraySpec, offsets
from recsys.bundle.bundle import MAX_MS
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING, IdMap, Texts
from recsys.models.serialization import StoredFields

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class UnnumberedEvents(StoredFields):
    """Events that histories cannot hold, because their items have no number; a request reads them like later ones.

    user_offsets (U + 1,): those of each customer, oldest first; kind, at_ms, quantity (L,); item_blob,
    item_offsets (L + 1,): the ids of the items.  All are empty in the release of a training.
    """

    user_offsets: Annotated[Longs, offsets("U", "L")] = field(default_factory=lambda: np.empty(0, np.int64))
    kind: Annotated[Kinds, ArraySpec("L", low=min(Kind), high=max(Kind) + 1)] = field(
        default_factory=lambda: np.empty(0, np.int8)
    )
    at_ms: Annotated[Longs, ArraySpec("L", low=-MAX_MS, high=MAX_MS)] = field(
        default_factory=lambda: np.empty(0, np.int64)
    )
    quantity: Annotated[Doubles, ArraySpec("L", low=-LARGEST, high=LARGEST)] = field(
        default_factory=lambda: np.empty(0)
    )
    item_offsets: Annotated[Longs, offsets("L", "B")] = field(default_factory=lambda: np.empty(0, np.int64))
    item_blob: Annotated[Bytes, ArraySpec("B", rows="item_offsets", text=True)] = field(
        default_factory=lambda: np.empty(0, np.uint8)
    )

    @classmethod
    def specs(cls, names: Collection[str] = ()) -> dict[str, ArraySpec]:
        """What each array must be: a release has all of them or none."""
        specs = super(UnnumberedEvents, cls).specs(names)
        return {name: replace(spec, is_optional=False) for name, spec in specs.items()}

    def of_user(self, user: int) -> tuple[Event, ...]:
        """The events of the customer at that position, oldest first; none for MISSING."""
        if user == MISSING or not len(self.user_offsets):
            return ()
        item_ids, rows = Texts(self.item_blob, self.item_offsets), range(*self.user_offsets[user : user + 2].tolist())
        return tuple(
            Event("", "", item_ids[row], int(self.kind[row]), int(self.at_ms[row]), float(self.quantity[row]))
            for row in rows
        )


def collect_unnumbered_events(events: "pl.DataFrame", users: IdMap) -> UnnumberedEvents:
    """The events, which are in order of time, by customer.  users: all of them."""
    if events.is_empty():
        return UnnumberedEvents()
    user = users.positions(events["user_id"].to_list())
    order = np.argsort(user, kind="stable")
    sorted_events = events[order]
    item_ids = Texts.from_strings(sorted_events["item_id"].to_list())
    return UnnumberedEvents(
        user_offsets=np.concatenate(([0], np.cumsum(np.bincount(user, minlength=len(users))))).astype(np.int64),
        kind=sorted_events["kind"].to_numpy().astype(np.int8),
        at_ms=sorted_events["at_ms"].to_numpy().astype(np.int64),
        quantity=sorted_events["quantity"].to_numpy().astype(np.float64),
        item_offsets=item_ids.offsets,
        item_blob=item_ids.blob,
    )

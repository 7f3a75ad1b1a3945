"""Named customers of a release, without a look at any record: for conditions that ask for figures and events only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from recsys.arrays import AnyArray, Bools, Longs
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.ids import Texts
from recsys.data.store.base import Store
from recsys.engine.engine import Engine
from recsys.errors import BadInput
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.expression import (
    AttributeCondition,
    CampaignCondition,
    CustomerWhere,
    SegmentCondition,
    leaves,
)
from recsys.ranking.segments.population import NO_TABLE, SegmentPopulation


def needs_records(where: CustomerWhere | None, saved: SavedSegments) -> bool:
    """Whether the condition, or a saved segment that it names, asks for attributes or campaigns."""
    if where is None:
        return False
    conditions, seen, waiting = saved.conditions(), set[str](), [where]
    while waiting:
        for leaf in leaves(waiting.pop().expression):
            if isinstance(leaf, AttributeCondition | CampaignCondition):
                return True
            if isinstance(leaf, SegmentCondition):
                new = {name for name in leaf.names if name in conditions} - seen
                seen |= new
                waiting += [conditions[name] for name in new]
    return False


@dataclass(slots=True)
class NamedCustomers:
    """Keeps the digests of the customers of one release, 24 bytes each, from the first erasure after it on.

    Any thread may use it: two that begin at once do the work twice.
    """

    _kept: tuple[Texts, AnyArray, Longs] | None = None

    def population(self, engine: Engine, catalogue: Catalogue, store: Store, log_seq: int) -> SegmentPopulation:
        """The customers whom the release knows, as of its table, without records.

        Whoever refused personalisation before the release is not in it, for their events are deleted; whoever was
        erased, merged or refused it since left a tombstone.  Raises BadInput for a release without a table.
        """
        if not len(engine.customers):
            raise BadInput(NO_TABLE)
        is_named = engine.customers.is_counted.copy()
        gone = [tombstone.digest for tombstone in store.tombstones_since(log_seq)]
        if gone:
            is_named[self._positions(engine.users.texts, store, gone)] = False
        return SegmentPopulation(
            engine=engine,
            catalogue=catalogue,
            user_ids=cast("Sequence[str]", engine.users.texts),  # read one by one, if at all
            is_named=is_named,
            table=engine.customers,
            scores=engine.customer_scores,
            histories=engine.histories,
            users=(),
            as_of_ms=engine.customers.as_of_ms,
        )

    def _positions(self, users: Texts, store: Store, gone: Sequence[bytes]) -> Longs:
        """The places of those customers in the release; of others none."""
        kept = self._kept
        if kept is None or kept[0] is not users:
            digests = np.array([store.digest(user_id) for user_id in users.all()], dtype=f"S{len(gone[0])}")
            order = np.argsort(digests)
            kept = self._kept = users, digests[order], order
        _, ordered, order = kept
        wanted = np.array(gone, ordered.dtype)
        place = np.minimum(ordered.searchsorted(wanted), len(ordered) - 1)
        known: Bools = ordered[place] == wanted
        return order[place[known]]

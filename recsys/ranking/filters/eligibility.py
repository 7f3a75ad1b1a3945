"""Eligibility: the items that may be in a list, decided before anything is ranked, so that no list gets shorter."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from recsys.arrays import Bools, Ints, frozen
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import to_mask
from recsys.data.ids import MISSING
from recsys.ranking.filters.evaluate import passing
from recsys.ranking.filters.spec import Filters

NOWHERE = frozen(np.empty(0, np.int32))


def positions_of(catalogue: Catalogue, item_ids: Collection[str]) -> Ints:
    """The positions of the items; unknown ids are left out."""
    if not item_ids:
        return NOWHERE
    items = map(catalogue.position, item_ids)
    return np.array([item for item in items if item != MISSING], np.int32)


class Eligibility(NamedTuple):
    """The items that may be in a list.

    mask (I,): a flag for each item, read-only: without filters all queries share it.
    few (N,): positions, rising, that hold all eligible items; None where there may be many.
    """

    mask: Bools
    few: Ints | None = None

    def without(self, items: Ints) -> "Eligibility":
        """The same without these items.  (N,)"""
        mask = self.mask.copy()
        mask[items] = False
        return Eligibility(mask, self.few)


def eligible_items(filters: Filters, catalogue: Catalogue, now: float) -> Eligibility:
    """Items on sale that pass the filters.  now: days since 1970.  Raises UnknownAttribute."""
    mask = catalogue.on_sale(now)
    if filters.combined is None:
        return Eligibility(mask)
    result = passing(filters.combined, catalogue, now)
    if result.positions is None:
        return Eligibility(mask & result.flags)
    items = result.positions[mask[result.positions]]
    return Eligibility(to_mask(items, catalogue.n_items), items)

"""Eligibility: items are filtered before ranking, so a list still gets k items if k are eligible."""

from typing import NamedTuple

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import to_mask
from recsys.ranking.filters.evaluate import passing
from recsys.ranking.filters.spec import Filters


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

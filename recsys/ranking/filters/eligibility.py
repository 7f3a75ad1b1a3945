"""Eligibility: the items that may be in a list, decided before anything is ranked, so that no list gets shorter."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from recsys.arrays import Bools, Ints, frozen
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import FilterResult, to_mask
from recsys.data.ids import MISSING
from recsys.ranking.filters.evaluate import passing
from recsys.ranking.filters.spec import NO_FILTERS, Filters

NOWHERE = frozen(np.empty(0, np.int32))


def positions_of(catalogue: Catalogue, item_ids: Collection[str]) -> Ints:
    """Where the known ones stand; unknown ids are left out."""
    if not item_ids:
        return NOWHERE
    found = (catalogue.position(item_id) for item_id in item_ids)
    return np.array([at for at in found if at != MISSING], np.int32)


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
    """Items on sale that pass the filters.  Raises UnknownAttribute."""
    allowed, few = catalogue.on_sale(now), None
    if filters is NO_FILTERS:
        return Eligibility(allowed)
    for passed in _passed(filters, catalogue, now):
        if passed.positions is None:
            allowed = allowed & passed.flags
        else:
            few = passed.positions if few is None else np.intersect1d(few, passed.positions, assume_unique=True)
    if few is None:
        return Eligibility(allowed)
    few = few[allowed[few]]
    return Eligibility(to_mask(few, catalogue.n_items), few)


def _passed(filters: Filters, catalogue: Catalogue, now: float) -> Iterator[FilterResult]:
    """What passes the fields, and what passes the conditions."""
    text = _text(filters)
    if text != NO_TEXT:
        yield catalogue.masks.get_or_compute(text, lambda: _mask(filters, catalogue))
    if filters.where is not None:
        yield passing(filters.where, catalogue, now)


def _text(filters: Filters) -> str:
    """The same for all that say the same, but for the conditions."""
    words = (filters.category_in, filters.category_out, filters.brand_in, filters.brand_out)
    said = [None if some is None else sorted(some) for some in words]
    return repr((said, filters.price_from, filters.price_to, filters.in_stock))


NO_TEXT = _text(NO_FILTERS)


def _mask(filters: Filters, catalogue: Catalogue) -> Bools:
    """The items that pass all but the conditions.  Fresh (I,)"""
    allowed = np.ones(catalogue.n_items, bool)
    if filters.category_in is not None:
        allowed &= catalogue.category.isin(filters.category_in)
    if filters.category_out:
        allowed &= ~catalogue.category.isin(filters.category_out)
    if filters.brand_in is not None:
        allowed &= catalogue.brand.isin(filters.brand_in)
    if filters.brand_out:
        allowed &= ~catalogue.brand.isin(filters.brand_out)
    if filters.price_from is not None:
        allowed &= catalogue.price >= filters.price_from
    if filters.price_to is not None:
        allowed &= catalogue.price <= filters.price_to
    if filters.in_stock:
        allowed &= catalogue.stock > 0
    return allowed

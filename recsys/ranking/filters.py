"""What may stand in a list at all: decided before anything is ranked, so that no list is ever shortened."""

from collections.abc import Collection

import numpy as np

from recsys.arrays import Bools, Ints, frozen
from recsys.data.ids import MISSING
from recsys.data.shelf import Catalogue
from recsys.ranking.matching import passing
from recsys.ranking.query import NO_FILTERS, Filters

NOWHERE = frozen(np.empty(0, np.int32))


def positions_of(catalogue: Catalogue, item_ids: Collection[str]) -> Ints:
    """Where the known ones stand; unknown ids are left out."""
    if not item_ids:
        return NOWHERE
    found = (catalogue.position(item_id) for item_id in item_ids)
    return np.array([at for at in found if at != MISSING], np.int32)


def allowed_by(filters: Filters, catalogue: Catalogue, now: float) -> Bools:
    """Items on sale that pass the filters.  (I,), not to be written: without filters all share it.

    Raises UnknownAttribute.
    """
    allowed = catalogue.on_sale(now)
    if filters is NO_FILTERS:
        return allowed
    allowed = allowed.copy()
    if filters.category_in is not None:
        allowed &= catalogue.category.among(filters.category_in)
    if filters.category_out:
        allowed &= ~catalogue.category.among(filters.category_out)
    if filters.brand_in is not None:
        allowed &= catalogue.brand.among(filters.brand_in)
    if filters.brand_out:
        allowed &= ~catalogue.brand.among(filters.brand_out)
    if filters.price_from is not None:
        allowed &= catalogue.price >= filters.price_from
    if filters.price_to is not None:
        allowed &= catalogue.price <= filters.price_to
    if filters.in_stock:
        allowed &= catalogue.stock > 0
    if filters.where is not None:
        allowed &= passing(filters.where, catalogue, now)
    return allowed

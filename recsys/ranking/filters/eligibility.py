"""Eligibility: items are filtered before ranking, so a list still gets k items if k are eligible."""

from functools import reduce
from typing import NamedTuple

import numpy as np

from recsys import kernels
from recsys.arrays import Bools, Ints, frozen
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import FilterResult, to_mask
from recsys.ranking.filters.expression import AllOf, AnyOf, Condition, FilterExpression, Not, Where
from recsys.ranking.filters.operators import OPERATORS
from recsys.ranking.filters.spec import Filters


class Eligibility(NamedTuple):
    """The items that may be in a list.

    mask (I,): a flag for each item, read-only: without filters all queries share it.
    few (N,): positions, rising, that hold all eligible items; None where there may be many.
    passing: the items that pass the filter, on sale or not, all eligible ones among them; None without a filter.
    """

    mask: Bools
    few: Ints | None = None
    passing: FilterResult | None = None

    def without(self, items: Ints) -> "Eligibility":
        """The same without these items.  (N,)"""
        mask = self.mask.copy()
        if kernels.compiled is not None:
            kernels.compiled.cleared(mask, items)
        else:
            mask[items] = False
        return self._replace(mask=mask)


def eligible_items(filters: Filters, catalogue: Catalogue, now: float) -> Eligibility:
    """Items on sale that pass the filters.  now: days since 1970.  Raises UnknownAttribute."""
    mask = catalogue.on_sale(now)
    if filters.combined is None:
        return Eligibility(mask)
    result = passing(filters.combined, catalogue, now)
    if result.on_sale:
        return Eligibility(*result.on_sale[0], result)
    if result.positions is None:
        items, mask = None, mask & result.flags
    else:
        items = result.positions[mask[result.positions]]
        mask = to_mask(items, catalogue.n_items)
    if not catalogue.has_dates:  # else what is on sale depends on the moment
        result.on_sale.append((frozen(mask), items))
    return Eligibility(mask, items, result)


def passing(where: Where, catalogue: Catalogue, now: float) -> FilterResult:
    """The items that pass.  now: days since 1970.  Cached as long as the catalogue does not change.

    Raises UnknownAttribute for an attribute that no item has.
    """
    if where.depends_on_age:
        return FilterResult.from_mask(_mask(where.expression, catalogue, now))
    return catalogue.masks.get_or_compute(where.text, lambda: _mask(where.expression, catalogue, now))


def _mask(expression: FilterExpression, catalogue: Catalogue, now: float) -> Bools:
    match expression:
        case AllOf(parts):
            masks = (_mask(part, catalogue, now) for part in parts)
            return reduce(np.logical_and, masks, np.ones(catalogue.n_items, bool))
        case AnyOf(parts):
            masks = (_mask(part, catalogue, now) for part in parts)
            return reduce(np.logical_or, masks, np.zeros(catalogue.n_items, bool))
        case Not(part):
            return ~_mask(part, catalogue, now)
        case Condition(field, operator, operand):
            return OPERATORS[operator].mask(field, operand, catalogue, now)

"""Filter evaluation: one mask over the whole catalogue, before anything is ranked."""

from functools import reduce

import numpy as np

from recsys.arrays import Bools
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import FilterResult
from recsys.ranking.filters.expression import AllOf, AnyOf, Condition, FilterExpression, Not, Where
from recsys.ranking.filters.operators import OPERATORS


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

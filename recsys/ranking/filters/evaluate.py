"""Which items pass a filter: one mask over the whole catalogue, before anything is ranked."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Final

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles
from recsys.config import spelling_hint
from recsys.data.catalogue.attributes import AttributeColumn, AttributeValue
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.mask_cache import FilterResult
from recsys.data.ids import MISSING
from recsys.errors import UnknownAttribute
from recsys.ranking.filters.expression import (
    ATTRIBUTE,
    FIELDS,
    AllOf,
    Among,
    AnyOf,
    FilterExpression,
    HasValue,
    Not,
    Where,
    Within,
)
from recsys.time_units import DAY_MS

COMPARE: Final[Mapping[str, Callable[[AnyArray, float], Bools]]] = {
    "gte": np.greater_equal,
    "gt": np.greater,
    "lte": np.less_equal,
    "lt": np.less,
}
MOST_PRICE = 1e12  # beyond all prices, within the single precision they are kept in


def passing(where: Where, catalogue: Catalogue, now: float) -> FilterResult:
    """The items that pass.  now: days since 1970.  Remembered as long as the catalogue stays.

    Raises UnknownAttribute for one that no item has.
    """
    if where.tells_age:
        return FilterResult.from_mask(_mask(where.condition, catalogue, now))
    return catalogue.masks.get_or_compute(where.text, lambda: _mask(where.condition, catalogue, now))


def _mask(condition: FilterExpression, catalogue: Catalogue, now: float) -> Bools:
    n = catalogue.n_items
    match condition:
        case AllOf(parts):
            return reduce(np.logical_and, (_mask(part, catalogue, now) for part in parts), np.ones(n, bool))
        case AnyOf(parts):
            return reduce(np.logical_or, (_mask(part, catalogue, now) for part in parts), np.zeros(n, bool))
        case Not(part):
            return ~_mask(part, catalogue, now)
        case Among(name, values):
            found = _among(name, values, catalogue)
            return found | ~_known(name, catalogue) if "" in values else found
        case Within(name, bounds):
            return _within(name, bounds, catalogue, now)
        case HasValue(name):
            return _known(name, catalogue)


def _among(name: str, values: Sequence[AttributeValue], catalogue: Catalogue) -> Bools:
    if name not in FIELDS:
        return column_of(name, catalogue).isin(values, catalogue.n_items)
    if name in ("price", "stock"):
        numbers = np.clip(np.array(values, np.float64), -MOST_PRICE, MOST_PRICE).astype(np.float32)
        return np.isin(_numbers(name, catalogue, 0.0), numbers)
    words = [value for value in values if isinstance(value, str) and value]
    if name == "category":
        return catalogue.category.isin(words)
    if name == "brand":
        return catalogue.brand.isin(words)
    if name == "name":
        return catalogue.has_name_in(words)
    found = np.zeros(catalogue.n_items, bool)
    found[[at for at in map(catalogue.position, words) if at != MISSING]] = True
    return found


def _within(name: str, bounds: Sequence[tuple[str, float]], catalogue: Catalogue, now: float) -> Bools:
    if name not in FIELDS:
        column = column_of(name, catalogue)
        return column.has_number_where(_inside(column.number, bounds), catalogue.n_items)
    if name in ("price", "stock"):
        bounds = [(bound, min(max(limit, -MOST_PRICE), MOST_PRICE)) for bound, limit in bounds]
    elif name != "age_days":
        bounds = [(bound, limit / DAY_MS) for bound, limit in bounds]
    return _inside(_numbers(name, catalogue, now), bounds)


def _inside(numbers: AnyArray, bounds: Sequence[tuple[str, float]]) -> Bools:
    return reduce(np.logical_and, (COMPARE[bound](numbers, limit) for bound, limit in bounds))


def _numbers(name: str, catalogue: Catalogue, now: float) -> AnyArray:
    """What the field says of each item, NaN where it says nothing.  (I,)"""
    if name == "price":
        return catalogue.price
    if name == "stock":
        return catalogue.stock
    days: Doubles = catalogue.closes if name == "available_until" else catalogue.opens
    days = np.where(np.isfinite(days), days, np.nan)
    return now - days if name == "age_days" else days


def _known(name: str, catalogue: Catalogue) -> Bools:
    if name not in FIELDS:
        return column_of(name, catalogue).has_value(catalogue.n_items)
    if name == "category":
        return catalogue.category.codes > 0
    if name == "brand":
        return catalogue.brand.codes > 0
    if name == "name":
        return catalogue.has_name()
    if name == "item_id":
        return np.ones(catalogue.n_items, bool)
    return ~np.isnan(_numbers(name, catalogue, 0.0))


def column_of(name: str, catalogue: Catalogue) -> AttributeColumn:
    """One attribute of all items, named with or without ATTRIBUTE.  Raises UnknownAttribute with the nearest."""
    attribute = name.removeprefix(ATTRIBUTE)
    column = catalogue.attributes.column(attribute)
    if column is None:
        hint = _hint(attribute, catalogue.attributes.names())
        raise UnknownAttribute(f"no item has the attribute {attribute!r:.60}; {hint}")
    return column


def _hint(attribute: str, names: Sequence[str]) -> str:
    """What to do about the name of an attribute that no item has."""
    if attribute in FIELDS:
        return f"{attribute} is a field: name it without {ATTRIBUTE!r}, and count by brand, category or an attribute"
    return spelling_hint(attribute, (*names, *FIELDS)) if names else "no item has any; `recsys train` learns them anew"

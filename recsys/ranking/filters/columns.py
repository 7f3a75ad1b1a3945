"""Columns of a filter: the values of a field or attribute of all items, and the masks of the operators."""

from collections.abc import Callable, Sequence

import numpy as np

from recsys.arrays import AnyArray, Bools, Ints
from recsys.config import spelling_hint
from recsys.data.catalogue.attributes import AttributeColumn, AttributeValue
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.ids import MISSING
from recsys.errors import UnknownAttribute
from recsys.ranking.filters.expression import ATTRIBUTE, AllOf, AnyOf, Condition, FilterExpression, Not
from recsys.ranking.filters.values import FIELDS
from recsys.time_units import DAY_MS

LABEL_FIELDS = ("brand", "category")
MAX_PRICE = 1e12  # beyond all prices, within the single precision they are kept in


def isin(field: str, values: Sequence[AttributeValue], catalogue: Catalogue, now: float) -> Bools:
    """The items that have one of the values; empty text stands for no value.  (I,)

    Raises UnknownAttribute, as `compare` does, also where the attribute holds no value that could equal one of them.
    """
    mask = _isin(field, values, catalogue)
    return mask | ~has_value(field, True, catalogue, now) if "" in values else mask


def compare(
    comparison: Callable[[AnyArray, float], Bools], field: str, limit: float, catalogue: Catalogue, now: float
) -> Bools:
    """The items whose number compares so with the limit, which must be false for NaN: no number, no pass.  (I,)

    Raises UnknownAttribute for an attribute that no item has, or of which no value is a number.
    """
    if field not in FIELDS:
        column = attribute_column(field, catalogue)
        mask = column.has_number_where(comparison(column.number, limit), catalogue.n_items)
        return _checked(mask, field, column, [limit])
    if field in ("price", "stock"):
        limit = min(max(limit, -MAX_PRICE), MAX_PRICE)
    elif field != "age_days":
        limit /= DAY_MS
    return comparison(_numbers(field, catalogue, now), limit)


def has_value(field: str, _operand: bool, catalogue: Catalogue, now: float) -> Bools:
    """The items that have any value.  (I,)"""
    if field not in FIELDS:
        return attribute_column(field, catalogue).has_value(catalogue.n_items)
    if field == "category":
        return catalogue.category.codes > 0
    if field == "brand":
        return catalogue.brand.codes > 0
    if field == "name":
        return catalogue.has_name()
    if field == "item_id":
        return np.ones(catalogue.n_items, bool)
    return ~np.isnan(_numbers(field, catalogue, now))


def attribute_column(name: str, catalogue: Catalogue) -> AttributeColumn:
    """One attribute of all items, named with or without ATTRIBUTE.  Raises UnknownAttribute with the nearest name."""
    attribute = name.removeprefix(ATTRIBUTE)
    column = catalogue.attributes.column(attribute)
    if column is None:
        hint = _hint(attribute, catalogue.attributes.names())
        raise UnknownAttribute(f"no item has the attribute {attribute!r:.60}; {hint}")
    return column


def check_words(expression: FilterExpression, catalogue: Catalogue) -> None:
    """Raises UnknownAttribute for a category or brand that no item has, with the nearest one."""
    match expression:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                check_words(part, catalogue)
        case Not(part):
            check_words(part, catalogue)
        case Condition(field, "in", operand) if field in LABEL_FIELDS and isinstance(operand, tuple):
            check_labels(field, [value for value in operand if isinstance(value, str)], catalogue)


def check_labels(field: str, words: Sequence[str], catalogue: Catalogue) -> None:
    """The same of these words.  field: of LABEL_FIELDS."""
    known = (catalogue.brand if field == "brand" else catalogue.category).code_by_word
    for word in words:
        if word and word not in known:
            hint = spelling_hint(word, filter(None, known))
            raise UnknownAttribute(f"no item has the {field} {word!r:.60}; {hint}")


def value_codes(name: str, catalogue: Catalogue) -> Ints:
    """The value of an attribute of each item, as a number, 0 for none.  (I,)  Raises UnknownAttribute."""
    if name in LABEL_FIELDS:
        return (catalogue.brand if name == "brand" else catalogue.category).codes
    return attribute_column(name, catalogue).codes(catalogue.n_items)


def _isin(field: str, values: Sequence[AttributeValue], catalogue: Catalogue) -> Bools:
    if field not in FIELDS:
        column = attribute_column(field, catalogue)
        return _checked(column.isin(values, catalogue.n_items), field, column, values)
    if field in ("price", "stock"):
        numbers = np.clip(np.array(values, np.float64), -MAX_PRICE, MAX_PRICE).astype(np.float32)
        return np.isin(_numbers(field, catalogue, 0.0), numbers)
    words = [value for value in values if isinstance(value, str) and value]
    if field == "category":
        return catalogue.category.isin(words)
    if field == "brand":
        return catalogue.brand.isin(words)
    if field == "name":
        return catalogue.has_name_in(words)
    mask = np.zeros(catalogue.n_items, bool)
    mask[[item for item in map(catalogue.position, words) if item != MISSING]] = True
    return mask


def _checked(mask: Bools, field: str, column: AttributeColumn, values: Sequence[AttributeValue]) -> Bools:
    """The mask.  Raises UnknownAttribute if it is empty because numbers, text or booleans are compared with others."""
    if mask.any():
        return mask
    wanted, held = {_kind(value): value for value in values if value != ""}, column.kinds()
    if not wanted or not held or wanted.keys() & held.keys():
        return mask
    name, kind = field.removeprefix(ATTRIBUTE), " and ".join(held)
    raise UnknownAttribute(
        f"{name!r:.60} holds {kind}, such as {next(iter(held.values()))!r:.60}, and no item has {next(iter(wanted))}; "
        f"compare it with {kind}, or import the column again as {next(iter(wanted))}"
    )


def _kind(value: AttributeValue) -> str:
    if isinstance(value, bool):
        return "true and false"
    return "text" if isinstance(value, str) else "numbers"


def _numbers(field: str, catalogue: Catalogue, now: float) -> AnyArray:
    """The field's number of each item, NaN where it has none; of moments and ages in days.  (I,)"""
    if field == "price":
        return catalogue.price
    if field == "stock":
        return catalogue.stock
    days = catalogue.closes if field == "available_until" else catalogue.opens
    days = np.where(np.isfinite(days), days, np.nan)
    return now - days if field == "age_days" else days


def _hint(attribute: str, names: Sequence[str]) -> str:
    """What to do about an attribute that no item has."""
    if attribute in FIELDS:
        return f"{attribute} is a field: name it without {ATTRIBUTE!r}, and count by brand, category or an attribute"
    return spelling_hint(attribute, (*names, *FIELDS)) if names else "no item has any; `recsys train` learns them anew"

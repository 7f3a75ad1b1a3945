"""Customer attributes as columns: a filter over attributes, by the rules that hold for items."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.config import spelling_hint
from recsys.data.catalogue.catalogue import build_catalogue
from recsys.data.entities import Attribute, Item
from recsys.data.ids import IdMap
from recsys.errors import BadInput, UnknownAttribute
from recsys.ranking.filters.eligibility import passing
from recsys.ranking.filters.expression import ATTRIBUTE, AllOf, AnyOf, Condition, FilterExpression, Not, Where

Attributes = Mapping[str, Attribute]


def attributes_passing(rows: Sequence[Attributes], where: Where, figures: Iterable[str] = ()) -> Bools:
    """The rows that pass: for a filter, customers are items with the same attributes.  (N,)

    figures: names that a misspelt attribute may have been meant for.  Raises BadInput for an attribute that no row has,
    or a comparison with another kind of value.
    """
    names = {name.removeprefix(ATTRIBUTE) for name in filter_fields(where.expression)}
    check_attributes(rows, names, figures)
    kinds, code = _distinct(rows, sorted(names))
    ids = IdMap.from_ids(f"{at:09d}" for at in range(len(kinds)))
    items = (Item(f"{at:09d}", attributes=row) for at, row in enumerate(kinds))
    try:
        return np.asarray(passing(where, build_catalogue(ids, items, {}), 0.0).mask, bool)[code]
    except UnknownAttribute as error:
        raise BadInput(f"{error}".replace("no item", "no customer")) from None


def check_attributes(rows: Iterable[Attributes], names: Iterable[str], figures: Iterable[str] = ()) -> None:
    """Raises BadInput for a name that is no attribute of any row, with the nearest one.  Reads no more than it must."""
    missing, known = set(names), set[str]()
    for row in rows:
        if not missing:
            return
        missing -= row.keys()
        known |= row.keys()
    if missing:
        name = min(missing)
        words = [*known, *figures]
        hint = spelling_hint(name, words) if words else "no customer has any; `recsys import users` gives some"
        raise BadInput(f"no customer has the attribute {name!r:.60}; {hint}")


def witnesses(rows: Iterable[Attributes]) -> Iterator[Attributes]:
    """A row for each attribute and kind of value that any row has, with nothing but that."""
    seen = set()
    for row in rows:
        for name, value in row.items():
            if (kind := (name, type(value))) not in seen:
                seen.add(kind)
                yield {name: value}


def filter_fields(expression: FilterExpression) -> Iterator[str]:
    """The field of each condition."""
    match expression:
        case Condition(name):
            yield name
        case Not(part):
            yield from filter_fields(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from filter_fields(part)


def _distinct(rows: Sequence[Attributes], names: Sequence[str]) -> tuple[list[Attributes], Ints]:
    """The different values of these attributes, and the place of each row's among them, for most rows share theirs."""
    kinds, code_by_key = list[Attributes](), dict[object, int]()
    code = np.empty(len(rows), np.int32)
    for at, row in enumerate(rows):
        key = tuple(_hashable(row[name]) if name in row else None for name in names) if row else None
        own = code_by_key.get(key)
        if own is None:
            own = code_by_key[key] = len(kinds)
            kinds.append({name: row[name] for name in names if name in row})
        code[at] = own
    return kinds, code


def _hashable(value: Attribute) -> object:
    """The value with its type, for 1 and True are equal."""
    return type(value), tuple(value) if isinstance(value, list) else value

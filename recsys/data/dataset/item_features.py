"""What items are like: their category, brand, attributes and the words of their names, as numbers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Ints, Longs
from recsys.data.entities import Item

WORD = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """Those of item i stand at offsets[i]:offsets[i + 1], ascending, each once.  offsets (I + 1,); trait (T,).

    n_traits: how many there are.  What only one item has is not among them: it says nothing of any other.
    """

    offsets: Longs
    feature: Ints
    n_features: int

    @classmethod
    def of_categories(cls, category: Ints) -> "ItemFeatures":
        """The category codes (I,) and nothing else; code 0 is none."""
        known = np.flatnonzero(category)
        offsets = np.searchsorted(known, np.arange(len(category) + 1)).astype(np.int64)
        return cls(offsets, category[known].astype(np.int32), int(category.max(initial=0)) + 1)


def build_item_features(items: Iterable[Item], item_ids: Sequence[str]) -> ItemFeatures:
    """The traits of the items with these ids; the last word on an item counts, one never described has none."""
    position_by_id = {item_id: at for at, item_id in enumerate(item_ids)}
    numbers: dict[str, int] = {}
    told: dict[int, set[int]] = {}
    for item in items:
        at = position_by_id.get(item.item_id)
        if at is not None:
            told[at] = {numbers.setdefault(word, len(numbers)) for word in feature_words(item)}
    row = np.repeat(np.fromiter(told, np.int64, len(told)), [len(traits) for traits in told.values()])
    trait = np.fromiter((number for traits in told.values() for number in traits), np.int64, len(row))
    shared = np.bincount(trait, minlength=len(numbers))[trait] > 1
    row, trait = row[shared], trait[shared]
    kept, trait = np.unique(trait, return_inverse=True)
    order = np.lexsort((trait, row))
    offsets = np.searchsorted(row[order], np.arange(len(item_ids) + 1)).astype(np.int64)
    return ItemFeatures(offsets, trait[order].astype(np.int32), len(kept))


def feature_words(item: Item) -> Iterator[str]:
    """What an item is like, as words: `brand=acme`, `colour=red`, `organic`, and those of its name in lower case.

    Numbers are left out: that two things both weigh 1.5 does not make them alike.
    """
    for key, value in (("category", item.category), ("brand", item.brand), *item.attributes.items()):
        if value is True:
            yield key
        elif isinstance(value, str) and value:
            yield f"{key}={value}"
        elif isinstance(value, list):
            yield from (f"{key}={one}" for one in value)
    yield from WORD.findall((item.name or "").lower())

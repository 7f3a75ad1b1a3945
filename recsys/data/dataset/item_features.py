"""Item features: category, brand, attributes and words of the name, as numbers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from recsys.arrays import Ints, Longs
from recsys.data.entities import Item

WORD = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """The features of item i are feature[offsets[i]:offsets[i + 1]], ascending, each once.  offsets (I + 1,).

    n_features: how many there are.  A feature of a single item is left out: it says nothing of any other item.
    """

    offsets: Longs
    feature: Ints
    n_features: int

    @classmethod
    def of_categories(cls, category: Ints) -> "ItemFeatures":
        """Only the category codes (I,); code 0 is none."""
        known = np.flatnonzero(category)
        offsets = np.searchsorted(known, np.arange(len(category) + 1)).astype(np.int64)
        return cls(offsets, category[known].astype(np.int32), int(category.max(initial=0)) + 1)


def build_item_features(items: Iterable[Item], item_ids: Sequence[str]) -> ItemFeatures:
    """The features of the items with these ids.  Of repeated items the last is used; ids without an item get none."""
    position_by_id = {item_id: at for at, item_id in enumerate(item_ids)}
    numbers: dict[str, int] = {}
    features_by_item: dict[int, set[int]] = {}
    for item in items:
        at = position_by_id.get(item.item_id)
        if at is not None:
            features_by_item[at] = {numbers.setdefault(word, len(numbers)) for word in feature_words(item)}
    counts = [len(features) for features in features_by_item.values()]
    row = np.repeat(np.fromiter(features_by_item, np.int64, len(counts)), counts)
    feature = np.fromiter(chain.from_iterable(features_by_item.values()), np.int64, len(row))
    is_shared = np.bincount(feature, minlength=len(numbers))[feature] > 1
    row, feature = row[is_shared], feature[is_shared]
    kept, feature = np.unique(feature, return_inverse=True)
    order = np.lexsort((feature, row))
    offsets = np.searchsorted(row[order], np.arange(len(item_ids) + 1)).astype(np.int64)
    return ItemFeatures(offsets, feature[order].astype(np.int32), len(kept))


def feature_words(item: Item) -> Iterator[str]:
    """The features of an item as words: `brand=acme`, `colour=red`, `organic`, and its name's words in lower case.

    Numbers are left out: two items that both weigh 1.5 need not be alike.
    """
    for key, value in (("category", item.category), ("brand", item.brand), *item.attributes.items()):
        if value is True:
            yield key
        elif isinstance(value, str) and value:
            yield f"{key}={value}"
        elif isinstance(value, list):
            yield from (f"{key}={part}" for part in value)
    yield from WORD.findall((item.name or "").lower())

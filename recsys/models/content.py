"""What is like the customer's items by category, brand, attributes and name: the only model that knows a new item."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Floats, Ints, top_k
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.item_features import ItemFeatures
from recsys.models.auto_half_life import HalfLifeSetting, half_life_or, shop_tempo_days
from recsys.models.hyperparameters import Count
from recsys.models.neighbour_table import NeighbourTable, heaviest
from recsys.models.saturation import saturated
from recsys.models.serialization import require_events


@dataclass(frozen=True, slots=True)
class ContentModel:
    """traits: those of each item with their TF-IDF weights, of length 1 per item.  owners: the items of each trait.

    half_life_days, max_history, max_traits: how a history is read when asked, and how many of its traits count.
    """

    name: ClassVar[str] = "content"
    traits: NeighbourTable
    owners: NeighbourTable
    half_life_days: float
    max_history: int
    max_traits: int

    def score(self, histories: Histories) -> Floats:
        """Likeness to the items of the history, each by its weight, (Q, I); an item without traits has none."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        for weighed, out in zip(histories.item_weights_by_user(self.half_life_days), scores, strict=True):
            item, weight = heaviest(*weighed, self.max_history)
            self._spread(item, saturated(weight, 1.0), out)
        return scores

    def _spread(self, item: Ints, weight: Floats, out: Floats) -> None:
        """Adds weight times cosine of every item to those items."""
        taste = np.zeros(len(self.owners.offsets) - 1, np.float32)
        self.traits.spread(item, weight, taste)
        strongest = top_k(taste, self.max_traits)
        self.owners.spread(strongest, taste[strongest], out)

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        likeness = np.zeros(len(self.traits.offsets) - 1, np.float32)
        self._spread(np.array([item], np.int32), np.ones(1, np.float32), likeness)
        likeness[item] = 0
        near = top_k(likeness, k)
        near = near[likeness[near] > 0]
        return near, likeness[near]

    def arrays(self) -> Mapping[str, AnyArray]:
        return {
            **self.traits.arrays("trait_"),
            **self.owners.arrays("owner_"),
            "half_life_days": np.asarray(self.half_life_days),
            "max_history": np.asarray(self.max_history),
            "max_traits": np.asarray(self.max_traits),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(
            NeighbourTable.from_arrays(arrays, "trait_"),
            NeighbourTable.from_arrays(arrays, "owner_"),
            float(arrays["half_life_days"]),
            int(arrays["max_history"]),
            int(arrays["max_traits"]),
        )


@dataclass(frozen=True, slots=True)
class Content:
    """half_life_days: how fast an event fades, `auto` is one and a half of the shop's tempo.

    max_history, max_traits: how many items of a history, and how many of their traits, count; they bound what an answer
    costs.
    """

    half_life_days: HalfLifeSetting = "auto"
    max_history: Count = 100
    max_traits: Count = 50

    def fit(self, data: Interactions, rng: Generator) -> ContentModel:
        """Raises NotEnoughData without any event.  Where nothing but categories is known, these are the traits."""
        require_events(data)
        traits, owners = _weighted(data.item_features or ItemFeatures.of_categories(data.category))
        half_life_days = half_life_or(self.half_life_days, 1.5 * shop_tempo_days(data.histories))
        return ContentModel(traits, owners, half_life_days, self.max_history, self.max_traits)


def _weighted(traits: ItemFeatures) -> tuple[NeighbourTable, NeighbourTable]:
    """Item to traits and trait to items, by weights whose squares sum to 1 for each item."""
    n_items = len(traits.offsets) - 1
    item = np.repeat(np.arange(n_items, dtype=np.int64), np.diff(traits.offsets))
    owners = np.bincount(traits.feature, minlength=traits.n_features)
    # Salton & Buckley 1988: rare words tell more; a trait that all items have still makes two of them a little alike.
    weight = np.log1p(n_items / np.maximum(owners, 1))[traits.feature]
    length = np.sqrt(np.bincount(item, weight**2, minlength=n_items))
    weight /= length[item]
    return _table(item, traits.feature, weight, n_items), _table(traits.feature, item, weight, traits.n_features)


def _table(row: AnyArray, other: AnyArray, weight: AnyArray, n_rows: int) -> NeighbourTable:
    order = np.lexsort((other, -weight, row))
    offsets = np.searchsorted(row[order], np.arange(n_rows + 1)).astype(np.int64)
    return NeighbourTable(offsets, other[order].astype(np.int32), weight[order].astype(np.float32))

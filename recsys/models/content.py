"""Content-based model: similarity by category, brand, attributes and name; the only model that knows new items."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Floats, Ints, top_k
from recsys.bundle.array_spec import ArraySpec, below
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.item_features import ItemFeatures
from recsys.models.event_weights import HalfLifeSetting, half_life_or, saturated, shop_tempo_days
from recsys.models.hyperparameters import Count
from recsys.models.neighbour_table import NeighbourTable, first_of_each_row, heaviest
from recsys.models.serialization import StoredCount, StoredDays, StoredFields, require_events


@dataclass(frozen=True, slots=True)
class ContentModel(StoredFields):
    """features: of each item, with TF-IDF weights of length 1 per item.  items: of each feature, with the same weights.

    half_life_days, max_history, max_traits: how a history is read for scoring, and how many of its features count.
    """

    name: ClassVar[str] = "content"
    NESTED: ClassVar = {"features": ("trait_", NeighbourTable), "items": ("owner_", NeighbourTable)}
    features: NeighbourTable
    items: NeighbourTable
    half_life_days: StoredDays
    max_history: StoredCount
    max_traits: StoredCount

    @classmethod
    def specs(cls, names: Collection[str] = ()) -> dict[str, ArraySpec]:
        features = below("trait_", NeighbourTable.specs(columns="T"), T="T")
        return super(ContentModel, cls).specs(names) | features | below("owner_", NeighbourTable.specs(rows="T"), T="T")

    def score(self, histories: Histories) -> Floats:
        """Similarity to the items of the history, each by its weight, (Q, I); 0 for an item without features."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        for weights, out in zip(histories.item_weights_by_user(self.half_life_days), scores, strict=True):
            item, weight = heaviest(*weights, self.max_history)
            self._spread(item, saturated(weight, 1.0), out)
        return scores

    def _spread(self, item: Ints, weight: Floats, out: Floats) -> None:
        """Adds weight times cosine of every item to those items."""
        profile = np.zeros(len(self.items.offsets) - 1, np.float32)
        self.features.spread(item, weight, profile)
        strongest = top_k(profile, self.max_traits)
        self.items.spread(strongest, profile[strongest], out)

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        similarity = np.zeros(len(self.features.offsets) - 1, np.float32)
        self._spread(np.array([item], np.int32), np.ones(1, np.float32), similarity)
        similarity[item] = 0
        near = top_k(similarity, k)
        near = near[similarity[near] > 0]
        return near, similarity[near]


@dataclass(frozen=True, slots=True)
class Content:
    """half_life_days: how fast an event fades, `auto` is one and a half of the shop's tempo.

    max_history, max_traits: how many items of a history, and how many of their features, count; they bound the time of
    a request.
    """

    half_life_days: HalfLifeSetting = "auto"
    max_history: Count = 100
    max_traits: Count = 50

    def fit(self, data: Interactions, rng: Generator) -> ContentModel:
        """Raises NotEnoughData without any event.  Where nothing but categories is known, these are the features."""
        require_events(data)
        features, items = _tf_idf(data.item_features or ItemFeatures.of_categories(data.category))
        half_life_days = half_life_or(self.half_life_days, 1.5 * shop_tempo_days(data.histories))
        return ContentModel(features, items, half_life_days, self.max_history, self.max_traits)


def _tf_idf(features: ItemFeatures) -> tuple[NeighbourTable, NeighbourTable]:
    """Item to features and feature to items, with weights whose squares sum to 1 for each item."""
    n_items = len(features.offsets) - 1
    item = np.repeat(np.arange(n_items, dtype=np.int64), np.diff(features.offsets))
    n_items_by_feature = np.bincount(features.feature, minlength=features.n_features)
    # Salton & Buckley 1988: rare features weigh more; even one that all items have counts a little.
    weight = np.log1p(n_items / np.maximum(n_items_by_feature, 1))[features.feature]
    length = np.sqrt(np.bincount(item, weight**2, minlength=n_items))
    weight /= length[item]
    return _table(item, features.feature, weight, n_items), _table(features.feature, item, weight, features.n_features)


def _table(row: AnyArray, other: AnyArray, weight: AnyArray, n_rows: int) -> NeighbourTable:
    order, offsets = first_of_each_row(row, (other, -weight), n_rows=n_rows, most=len(row))
    return NeighbourTable(offsets, other[order].astype(np.int32), weight[order].astype(np.float32))

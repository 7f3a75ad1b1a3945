"""Logged answers with what each place of them earned, and the cross-fitted model of rewards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np

from recsys.arrays import Doubles, Ints

if TYPE_CHECKING:
    import polars as pl

REWARDS: Final = {"clicks": "clicked items", "purchases": "bought items", "money": "money"}
PRIOR = 20.0  # shown places of an item that its mean is shrunk by, towards the mean of all items
FOLDS = 2
FOLD_COLUMN = "fold"


@dataclass(frozen=True, slots=True)
class ShownList:
    """A logged answer of one list to a customer.  probability (K,), earned: by reward, of each place (K,)."""

    request_id: str
    at_ms: int
    user_id: str
    model_version: str
    item_ids: tuple[str, ...]
    probability: Doubles
    earned: Mapping[str, Doubles]

    @property
    def is_explored(self) -> bool:
        """Whether anything was left to chance."""
        return bool((self.probability < 1).any())


def shown_lists(table: "pl.DataFrame", placement: str) -> list[ShownList]:
    """The answers of one list of that placement to customers, in order of time.  table: see `attribute_outcomes`."""
    import polars as pl

    single = (pl.col("row") == 0) & (pl.col("placement") == placement) & pl.col("user_id").is_not_null()
    rows = table.filter(single).sort("at_ms", "request_id", "position")
    parts = rows.partition_by("request_id", "at_ms", maintain_order=True)
    return [_shown_list(part) for part in parts if part["position"].to_list() == list(range(1, len(part) + 1))]


def _shown_list(part: "pl.DataFrame") -> ShownList:
    first = part.row(0, named=True)
    earned = {
        "clicks": (part["clicked"] > 0).cast(float).to_numpy(),
        "purchases": (part["bought"] > 0).cast(float).to_numpy(),
        "money": part["revenue"].cast(float).to_numpy(),
    }
    return ShownList(
        first["request_id"],
        first["at_ms"],
        first["user_id"],
        first["model_version"],
        tuple(part["item_id"].to_list()),
        part["probability"].to_numpy(),
        earned,
    )


def fold_of(user_id: str) -> int:
    """The part that the answers of a customer belong to, 0 or 1."""
    return blake2b(user_id.encode(), digest_size=1).digest()[0] % FOLDS


@dataclass(frozen=True, slots=True)
class RewardModel:
    """Mean reward of an item anywhere over that of all, and of each place.  place (K,); item (I,) a factor."""

    place: Doubles
    item: Doubles

    def predict(self, items: Ints, place: int) -> Doubles:
        """The reward of each item at that place, from 0.  (N,) -> (N,)"""
        rewards: Doubles = self.item[items] * float(self.place[place])
        return rewards


def fit_rewards(lists: Iterable[tuple[Ints, Doubles]], n_items: int, k: int) -> RewardModel:
    """From lists as items and what each place earned, both (K,), k at most.  An item never shown has a factor of 1."""
    earned, shown = np.zeros((k, n_items)), np.zeros((k, n_items))
    for items, reward in lists:
        places = np.arange(len(items))
        np.add.at(earned, (places, items), reward)
        np.add.at(shown, (places, items), 1.0)
    place = earned.sum(axis=1) / np.maximum(shown.sum(axis=1), 1.0)
    expected = place @ shown
    prior = PRIOR * (float(place.mean()) or 1.0)
    return RewardModel(place, (earned.sum(axis=0) + prior) / (expected + prior))

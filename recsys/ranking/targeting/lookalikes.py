"""Look-alikes: the customers whose histories are most similar to one customer's."""

from typing import NamedTuple

import numpy as np

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.store.consent import ConsentCheck
from recsys.engine.engine import Engine
from recsys.models.user_neighbours import UserNeighboursModel
from recsys.ranking.context.context import TASTE_HALF_LIFE_DAYS

MOST_SHARED = 5


class Lookalike(NamedTuple):
    """A customer with similar purchases: cosine similarity in (0, 1], and the items that most of it comes from."""

    user_id: str
    likeness: float
    shared: tuple[str, ...]


def find_lookalikes(
    engine: Engine, catalogue: Catalogue, history: Histories, user_id: str | None, *, k: int, has_consent: ConsentCheck
) -> list[Lookalike]:
    """Up to k other customers of the release whose purchases are most similar to this history, best first.

    By the model `user_neighbours`, which compares each history's heaviest items and each item's heaviest buyers;
    none for an empty history.
    """
    model = engine.models.get(UserNeighboursModel.name)
    if not isinstance(model, UserNeighboursModel) or not len(history.item):
        return []
    lookalikes: list[Lookalike] = []
    for user, likeness in zip(*(column.tolist() for column in model.similar_users(history)), strict=True):
        other_id = engine.users[user]
        if len(lookalikes) < k and other_id != user_id and has_consent(other_id):
            shared = _shared(history, engine.history_at(user))
            item_ids = tuple(catalogue.item_id(item) for item in shared)
            lookalikes.append(Lookalike(other_id, min(likeness, 1.0), item_ids))
    return lookalikes


def _shared(history: Histories, other: Histories) -> list[int]:
    """Items that both like, those that weigh most in both first."""
    items, weight = history.item_weights(TASTE_HALF_LIFE_DAYS)
    others, weights = other.item_weights(TASTE_HALF_LIFE_DAYS)
    both, at, there = np.intersect1d(items, others, assume_unique=True, return_indices=True)
    shared = np.minimum(weight[at], weights[there])
    order = np.argsort(-shared, kind="stable")[: min(MOST_SHARED, np.count_nonzero(shared > 0))]
    return [int(item) for item in both[order]]

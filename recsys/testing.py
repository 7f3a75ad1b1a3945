"""Small worlds whose right answer is known by construction."""

import numpy as np

from recsys.arrays import Ints
from recsys.data.events import Kind
from recsys.data.histories import histories_of
from recsys.data.interactions import Interactions

NOW = 17_500.0


def interactions_of(
    user: Ints, item: Ints, *, n_users: int, n_items: int, at: np.ndarray | None = None, now: float = NOW
) -> Interactions:
    """Purchases of weight 1 in baskets of one (customer, day) each; category 1 for even items, 2 for odd ones."""
    when = np.full(len(user), now - 1.0) if at is None else at
    order = np.lexsort((when, item, user))
    histories = histories_of(
        user=user,
        item=item,
        at=when,
        weight=np.ones(len(user), np.float32),
        kind=np.full(len(user), Kind.PURCHASE, np.int8),
        n_users=n_users,
        n_items=n_items,
        now=now,
    )
    _, basket = np.unique(np.stack((user[order], np.floor(when[order]))), axis=1, return_inverse=True)
    return Interactions(
        histories=histories,
        basket=basket.ravel().astype(np.int32),
        value=np.ones(len(user), np.float32),
        category=(1 + np.arange(n_items) % 2).astype(np.int32),
    )


def two_camps(n_users: int = 40, n_items: int = 20, share: float = 0.6, seed: int = 0) -> Interactions:
    """Even users buy even items, odd users odd ones, each camp's items with probability `share`."""
    rng = np.random.default_rng(seed)
    likes = (np.arange(n_users)[:, None] % 2 == np.arange(n_items)[None, :] % 2) & (
        rng.random((n_users, n_items)) < share
    )
    user, item = np.nonzero(likes)
    at = NOW - 1.0 - rng.integers(0, 60, len(user))
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=n_items, at=at)

"""Small random ratings, and the formulas of neighbours in loops."""

import math

import numpy as np

from recsys.data.dataset.ratings import Ratings, build_ratings
from recsys.models.ratings.base import RatingBaseline

SHRINKAGE, DOUBT = 3.0, 0.05


def random_ratings(seed: int = 0, n_users: int = 14, n_items: int = 11) -> Ratings:
    """Random ratings of about half of all pairs, with common tastes and some noise."""
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((n_users, n_items)) < 0.55)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    value = np.clip(np.round(3 + taste[user, item] + 0.3 * rng.normal(size=len(user))), 1, 5)
    return build_ratings(
        user.astype(np.int32), item.astype(np.int32), value.astype(np.float32), n_users=n_users, n_items=n_items
    )


def residuals(ratings: Ratings) -> dict[tuple[int, int], float]:
    """Rating minus baseline, by customer and item."""
    model = RatingBaseline().fit(ratings, np.random.default_rng(0))
    residual: dict[tuple[int, int], float] = {}
    for user in range(len(ratings)):
        mine = dict(zip(ratings.by_user(user).item.tolist(), ratings.by_user(user).value.tolist(), strict=True))
        above = {item: value - model.mean - float(model.item_bias[item]) for item, value in mine.items()}
        bias = sum(above.values()) / (len(above) + model.user_shrinkage)
        residual |= {(user, item): left - bias for item, left in above.items()}
    return residual


def likeness(pairs: list[tuple[float, float]]) -> float:
    both = sum(x * y for x, y in pairs)
    length = math.sqrt(sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs))
    n = len(pairs) - 1
    return max(both / length * n / (n + SHRINKAGE), 0.0) if n > 0 and length > 0 else 0.0


def vote(votes: list[tuple[float, int, float]], k: int, power: float) -> float:
    """The vote of the k nearest.  votes: similarity, number and residual of each neighbour."""
    nearest = sorted((row for row in votes if row[0] > 0), key=lambda row: (-row[0], row[1]))[:k]
    total = sum(like**power for like, _, _ in nearest)
    return sum(like**power * says for like, _, says in nearest) / (total + DOUBT) if nearest else 0.0

"""Synthetic shops for tests, whose right lists are known by construction."""

import numpy as np

from recsys.arrays import Ints
from recsys.data.dataset.histories import build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.time_units import DAY_MS

NOW = 17_500.0


def interactions_of(
    user: Ints, item: Ints, *, n_users: int, n_items: int, at: np.ndarray | None = None, now: float = NOW
) -> Interactions:
    """Purchases of weight 1 without order ids, a basket per customer and day; category 1 for even, 2 for odd items."""
    when = np.full(len(user), now - 1.0) if at is None else at
    order = np.lexsort((when, item, user))
    histories = build_histories(
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
        basket=-1 - basket.ravel().astype(np.int32),
        value=np.ones(len(user), np.float32),
        category=(1 + np.arange(n_items) % 2).astype(np.int32),
    )


def two_camps(n_users: int = 40, n_items: int = 20, share: float = 0.6, seed: int = 0) -> Interactions:
    """Even users buy even items, odd users buy odd items, each item with probability `share`."""
    rng = np.random.default_rng(seed)
    likes = (np.arange(n_users)[:, None] % 2 == np.arange(n_items)[None, :] % 2) & (
        rng.random((n_users, n_items)) < share
    )
    user, item = np.nonzero(likes)
    at = NOW - 1.0 - rng.integers(0, 60, len(user))
    return interactions_of(user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=n_items, at=at)


def seasonal_shop(n_users: int = 400, *, has_seasons: bool = True, seed: int = 0) -> Interactions:
    """Two and a half years of 13 months: each customer comes about once a month and takes three items.

    Items 0 to 59 sell all year, even ones to even customers; items 60 to 124 have their month, five of each month, in
    which they make half of all sales.  Without seasons these sell all year, too.
    """
    rng = np.random.default_rng(seed)
    n = 32 * n_users * 3
    user, days_ago = rng.integers(0, n_users, n // 3).repeat(3), (910 * rng.random(n // 3)).repeat(3)
    month = ((910 - days_ago) // 28).astype(int) % 13 if has_seasons else rng.integers(0, 13, n)
    steady = 2 * (30 * rng.random(n) ** 2).astype(int) + user % 2
    in_season = 60 + 5 * month + (5 * rng.random(n) ** 2).astype(int)
    item = np.where(rng.random(n) < 0.5, in_season, steady)
    return interactions_of(
        user.astype(np.int32), item.astype(np.int32), n_users=n_users, n_items=125, at=NOW - days_ago
    )


def camp_baskets(
    n_users: int = 30, n_items: int = 20, days: int = 6, share: float = 0.5, seed: int = 0
) -> Interactions:
    """Two camps that shop on the same days, a basket per day; nobody buys the last two items, one of each camp."""
    rng = np.random.default_rng(seed)
    user, item, day = np.indices((n_users, n_items, days))
    buys = (user % 2 == item % 2) & (item < n_items - 2) & (rng.random(user.shape) < share)
    return interactions_of(
        user[buys].astype(np.int32),
        item[buys].astype(np.int32),
        n_users=n_users,
        n_items=n_items,
        at=NOW - 1.0 - 7.0 * day[buys],
    )


def small_events(n_users: int = 60, n_items: int = 24, days: int = 90, seed: int = 0) -> list[Event]:
    """Orders of a small shop: even customers buy even items, odd customers odd items, their favourites repeatedly.

    Items are `item-007`, customers `user-013`; an order per week with a view before it; sorted by time, until NOW.
    """
    rng = np.random.default_rng(seed)
    events = [
        event for user in range(n_users) for week in range(days // 7) for event in _order(user, week, n_items, rng)
    ]
    return sorted(events, key=lambda event: (event.at_ms, event.event_id))


def _order(user: int, week: int, n_items: int, rng: np.random.Generator) -> list[Event]:
    camp = np.arange(user % 2, n_items, 2)
    favourites = np.random.default_rng(user).permutation(camp)[:3]
    chosen = np.unique(np.concatenate((favourites[:2], rng.choice(camp, 2))))
    at_ms = int((NOW - 7 * week - rng.random()) * DAY_MS)
    order = f"order-{user}-{week}"
    bought = [
        Event(f"{order}-{i}", f"user-{user:03}", f"item-{i:03}", Kind.PURCHASE, at_ms, 1.0, float(1 + i), order)
        for i in chosen
    ]
    seen = Event(f"{order}-view", f"user-{user:03}", f"item-{chosen[0]:03}", Kind.VIEW, at_ms - 60_000)
    return [seen, *bought]


def small_items(n_items: int = 24) -> list[Item]:
    """The catalogue of the small shop: four categories, three brands, price 1 + i, everything on sale."""
    return [
        Item(
            item_id=f"item-{i:03}",
            name=f"Product {i}",
            category=f"category-{i % 4}",
            brand=f"brand-{i % 3}",
            price=1.0 + i,
            attributes={"colour": "red" if i % 5 else "blue"},
        )
        for i in range(n_items)
    ]

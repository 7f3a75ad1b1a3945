"""The requests of each path: real customers, items and categories of the shop that is measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from tests.bench.load import posts, written

CACHED_USERS = 100
EVENTS = 5_000
BATCH = 100
BATCHES = 200
SESSIONS, VIEWS = 3_000, 5


@dataclass(frozen=True, slots=True)
class Shop:
    """What to ask with: every customer, the items bought most, the categories with most items, ranges of prices.

    price_ranges: a tenth of the priced items each.
    """

    users: tuple[str, ...]
    items: tuple[str, ...]
    categories: tuple[str, ...]
    price_ranges: tuple[tuple[float, float], ...]


def shop_of(home: Path) -> Shop:
    """The ids of the live bundle."""
    import numpy as np

    from recsys.ranking.recommender import open_recommender

    recommender = open_recommender(home, home / "recsys.toml")
    catalogue, best = recommender.catalogue, recommender.engine.popularity.order
    largest = np.argsort(-np.bincount(catalogue.category.codes)[1:], kind="stable")[:20] + 1
    limits = np.nanquantile(catalogue.price, np.linspace(0, 1, 11)).round(2).tolist()
    return Shop(
        users=tuple(recommender.engine.users.texts.all()),
        items=tuple(catalogue.item_id(int(item)) for item in best[:5_000]),
        categories=tuple(catalogue.category.words[code] for code in largest),
        price_ranges=tuple(pairwise(limits)),
    )


def request_files(shop: Shop, folder: Path, rng: Random) -> Mapping[str, Path]:
    """A file of requests for every path by its name, in random order."""
    users = rng.sample(shop.users, len(shop.users))
    asked = {
        "empty": ["GET /empty"],
        "cached": [_of_user(user, "home") for user in users[:CACHED_USERS]],
        "home": [_of_user(user, "home") for user in users],
        "discover": [_of_user(user, "discover") for user in users],
        "filtered": posts("/v1/recommendations", _filtered(shop, users, rng)),
        "priced": posts("/v1/recommendations", _priced(shop, users, rng)),
        "similar": [f"GET /v1/items/{item}/similar?k=10" for item in rng.sample(shop.items, len(shop.items))],
        "session": posts("/v1/recommendations", (_session(shop, rng) for _ in range(SESSIONS))),
        "event": posts("/v1/events", (_event(shop, rng) for _ in range(EVENTS))),
        "moves": posts("/v1/events", [_event(shop, rng, user) for user in users]),
        "batch": posts("/v1/events", ([_event(shop, rng) for _ in range(BATCH)] for _ in range(BATCHES))),
    }
    return {name: written(folder, name, lines) for name, lines in asked.items()}


def _of_user(user: str, placement: str) -> str:
    return f"GET /v1/users/{user}/recommendations?k=10&placement={placement}"


def _filtered(shop: Shop, users: list[str], rng: Random) -> Iterator[dict[str, object]]:
    """One of the large categories, for every customer."""
    for user in users:
        yield {"user_id": user, "k": 10, "filters": {"category_in": rng.sample(shop.categories, 1)}}


def _priced(shop: Shop, users: list[str], rng: Random) -> Iterator[dict[str, object]]:
    """One of the ranges of prices, for every customer."""
    for user in users:
        low, high = rng.choice(shop.price_ranges)
        yield {"user_id": user, "k": 10, "filters": {"price_from": low, "price_to": high}}


def _session(shop: Shop, rng: Random) -> dict[str, object]:
    """Five items that an anonymous visitor looked at."""
    return {"k": 10, "session": rng.sample(shop.items, VIEWS)}


def _event(shop: Shop, rng: Random, user: str = "") -> dict[str, object]:
    """A purchase now, without an id: sent again, it is another one."""
    return {
        "user_id": user or rng.choice(shop.users),
        "item_id": rng.choice(shop.items),
        "kind": "purchase",
        "price": 1.99,
    }

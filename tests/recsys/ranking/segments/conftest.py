"""The small shop with records of some customers, as the population of segments."""

from collections.abc import Iterator

import pytest

from recsys.data.entities import User
from recsys.data.events import Event
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.population import SegmentPopulation, release_population

RECORDS = [
    User("user-000", {"country": "AT", "visits": 3.0}, {"marketing": True}),
    User("user-001", {"country": "DE"}, {"personalisation": False}),
    User("user-002", {"country": "AT"}, {"marketing": False}),
    User("record-only", {"country": "AT"}),
]


@pytest.fixture(scope="module")
def store(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(tmp_path_factory.mktemp("segments"), None)
    store.append(shop_events)
    store.put_users(RECORDS)
    yield store
    store.close()


@pytest.fixture(scope="module")
def population(small_shop: Recommender, store: Store) -> SegmentPopulation:
    return release_population(small_shop.engine, small_shop.catalogue, store, store.head())

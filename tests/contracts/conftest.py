"""An empty store of every kind, opened as often as a test needs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recsys.data.store.base import Store
from recsys.data.store.open import open_store

OpenStore = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    url = request.getfixturevalue("patient_postgres") if request.param == "postgres" else None
    stores: list[Store] = []

    def open_another() -> Store:
        stores.append(open_store(tmp_path, url))
        return stores[-1]

    yield open_another
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: OpenStore) -> Store:
    return opened()

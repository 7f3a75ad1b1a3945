"""An empty store in a home of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.data.store.base import Store
from recsys.data.store.open import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path, None)
    yield opened
    opened.close()

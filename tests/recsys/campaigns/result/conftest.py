"""The shop with planted campaigns, filled once for all tests of results."""

import pytest

from recsys.data.store.base import Store
from tests.recsys.campaigns.result.planted_campaigns import plant


@pytest.fixture(scope="package")
def planted_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return plant(tmp_path_factory.mktemp("results"))

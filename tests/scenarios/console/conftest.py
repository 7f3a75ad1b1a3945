"""One home, one service, one console, and one Chromium for all scenarios of the console."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from api.auth.api_keys import create_key
from recsys.client import Client
from recsys.data.store.open import open_store
from recsys.time_units import now_ms
from tests.bench.console_pictures import chromium
from tests.bench.servers import consoled, served
from tests.homes import publish_live
from tests.scenarios.console.hostile_shop import fill
from tests.scenarios.console.person import Shop


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """The Chromium of this machine."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop with its service, its console, and the key of somebody who may do everything."""
    home = tmp_path_factory.mktemp("hostile-shop")
    with closing(open_store(home, None)) as store:
        fill(store)
        publish_live(store, home)
    key = create_key(home / "keys.json", "ann", ["admin"], now_ms=now_ms())[1]
    with served(home) as service, consoled(home, service) as console:
        url = f"http://127.0.0.1:{service.port}"
        with Client(url, key, timeout_s=120) as client:
            yield Shop(home, f"http://127.0.0.1:{console.port}", key, client, service)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what was seen."""
    return tmp_path_factory.mktemp("pictures")

"""A worker without its fast path."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

Worker = Callable[..., TestClient]


class NoFastPath:
    """Every request goes through the routes."""

    def query(self, scope: object) -> None:
        return None

    async def recommendations(self, scope: object) -> None:
        return None

    async def events(self, scope: object, receive: object) -> None:
        return None

    async def lists(self, scope: object, receive: object) -> None:
        return None


@pytest.fixture(scope="module")
def long_way(module_worker: Worker) -> TestClient:
    client = module_worker()
    client.app.fast_path = NoFastPath()  # type: ignore[attr-defined]
    return client

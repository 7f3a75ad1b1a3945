"""The service of the small shop, as the tests of the API start it."""

from tests.api.conftest import client, home, worker

__all__ = ["client", "home", "worker"]

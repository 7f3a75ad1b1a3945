"""Hostile requests: none is a fault of the service, every error has the same shape, other requests are not affected."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState
from recsys.data.store.open import open_store
from recsys.progress import StepLog
from tests.api.fuzz.requests import Hostile, hostile
from tests.homes import copy_home
from training.job import train

ALL = list(hostile())


@pytest.fixture(scope="module")
def shop(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_home(trained_home, tmp_path_factory.mktemp("hostile") / "home")


@pytest.fixture(scope="module")
def web(shop: Path) -> Iterator[TestClient]:
    state = AppState(ServerConfig.load(shop, None, {}), open_store(shop, None), Metrics())
    with TestClient(create_app(state), raise_server_exceptions=False) as client:
        yield client


def sent(web: TestClient, hostile: Hostile) -> httpx.Response:
    headers = {"content-type": "application/json", **dict(hostile.headers)}
    answer: httpx.Response = web.request(hostile.method, hostile.path, content=hostile.body, headers=headers)
    return answer


def test_the_hostile_requests_are_many_and_all_different() -> None:
    assert len(ALL) >= 200
    assert len({(entry.name, entry.method, entry.path) for entry in ALL}) == len(ALL)


@pytest.mark.parametrize("hostile", ALL, ids=lambda hostile: hostile.name[:60].encode("unicode_escape").decode())
def test_a_hostile_request_is_refused_with_the_usual_error_body(web: TestClient, hostile: Hostile) -> None:
    answer = sent(web, hostile)
    assert answer.status_code in hostile.expected, answer.text[:500]
    body = answer.json()
    if answer.status_code >= 400:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"code", "message", "details"}
        assert len(answer.content) < 200_000, "an error is no echo"
    assert "Traceback" not in answer.text
    assert "x-evil" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_after_hostile_requests_others_are_answered_as_before(web: TestClient) -> None:
    answer = web.get("/v1/users/user-002/recommendations?k=10")
    assert len(answer.json()["items"]) == 10
    assert 'status="500"' not in web.get("/metrics").text


@pytest.mark.slow
def test_a_training_works_after_what_hostile_requests_stored(web: TestClient, shop: Path) -> None:
    for entry in ALL:
        sent(web, entry)
    store = open_store(shop, None)
    try:
        outcome = train(store, shop, None, StepLog())
    finally:
        store.close()
    assert outcome is not None

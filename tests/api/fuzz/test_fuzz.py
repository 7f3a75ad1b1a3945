"""Whatever is sent: no fault of the service, one shape of error, and everybody else is answered as before."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState
from recsys.data.store.base import open_store
from recsys.progress import StepLog
from tests.api.fuzz.requests import Hostile, hostile
from training.job import train

ALL = list(hostile())


@pytest.fixture(scope="module")
def shop(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained_home, tmp_path_factory.mktemp("hostile") / "home"))


@pytest.fixture(scope="module")
def web(shop: Path) -> Iterator[TestClient]:
    state = AppState(ServerConfig.load(shop, None, {}), open_store(shop, None), Metrics())
    with TestClient(create_app(state), raise_server_exceptions=False) as client:
        yield client


def sent(web: TestClient, one: Hostile) -> httpx.Response:
    headers = {"content-type": "application/json", **dict(one.headers)}
    answer: httpx.Response = web.request(one.method, one.path, content=one.body, headers=headers)
    return answer


def test_there_are_enough_of_them_and_none_twice() -> None:
    assert len(ALL) >= 200
    assert len({(one.name, one.method, one.path) for one in ALL}) == len(ALL)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name[:60].encode("unicode_escape").decode())
def test_what_should_never_be_sent_is_refused_in_the_usual_shape(web: TestClient, one: Hostile) -> None:
    answer = sent(web, one)
    assert answer.status_code in one.expected, answer.text[:500]
    told = answer.json()
    if answer.status_code >= 400:
        assert set(told) == {"error"}
        assert set(told["error"]) == {"code", "message", "details"}
        assert len(answer.content) < 200_000, "an error is no echo"
    assert "Traceback" not in answer.text
    assert "x-evil" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_afterwards_the_others_are_answered_as_before_and_nothing_failed(web: TestClient) -> None:
    answer = web.get("/v1/users/user-002/recommendations?k=10")
    assert len(answer.json()["items"]) == 10
    assert 'status="500"' not in web.get("/metrics").text


@pytest.mark.slow
def test_what_was_taken_can_be_learnt_from(web: TestClient, shop: Path) -> None:
    for one in ALL:
        sent(web, one)
    store = open_store(shop, None)
    try:
        outcome = train(store, shop, None, StepLog())
    finally:
        store.close()
    assert outcome is not None

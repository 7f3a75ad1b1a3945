"""Redis cache of several workers: a shared answer is never one that is no longer right."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from starlette.testclient import TestClient

from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import redis_cache
from recsys.errors import BadSettings

Worker = Callable[..., TestClient]
QUESTION = "/v1/users/user-002/recommendations?k=5"


@pytest.fixture
def env(redis_url: str) -> dict[str, str]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return {
        "RECSYS_REDIS_URL": redis_url,
        "RECSYS_SERVE_REDIS_READ_MS": "2000",
        "RECSYS_SERVE_REDIS_CONNECT_MS": "2000",
    }


def wait_for_an_answer_in_redis(url: str, within_s: float = 20.0) -> None:
    """A worker writes its answers in the background."""
    until = time.monotonic() + within_s
    with redis.Redis.from_url(url) as client:
        while not client.dbsize():
            assert time.monotonic() < until, "no answer was written"
            time.sleep(0.001)


def answered_by(client: TestClient) -> str:
    """The source of the last answer of a new worker."""
    lines = client.get("/metrics").text.splitlines()
    return ",".join(
        line.split('"')[1] for line in lines if line.startswith("recsys_answers_total") and " 0.0" not in line
    )


def test_an_answer_of_one_worker_is_found_by_another(worker: Worker, env: dict[str, str]) -> None:
    here, there = worker(env), worker(env)
    made = here.get(QUESTION).json()
    wait_for_an_answer_in_redis(env["RECSYS_REDIS_URL"])
    body = there.get(QUESTION).json()
    assert made.pop("request_id") != body.pop("request_id")
    assert made == body
    assert answered_by(here) == "computed"
    assert answered_by(there) == "redis"


def test_an_answer_of_redis_has_the_bytes_of_the_one_that_was_made(worker: Worker, env: dict[str, str]) -> None:
    shared = {**env, "RECSYS_SERVE_CACHE_MB": "0"}
    here, there = worker(shared), worker(shared)
    unlike = f"{QUESTION}&placement=home"  # on the fast path; with one more parameter it takes the route
    answers = [here.get(unlike), here.get(f"{unlike}&rows=false")]
    wait_for_an_answer_in_redis(env["RECSYS_REDIS_URL"])
    answers += [there.get(unlike), there.get(f"{unlike}&rows=false")]
    bodies = {answer.content.replace(answer.headers["x-request-id"].encode(), b"ID") for answer in answers}
    assert len(bodies) == 1
    assert answered_by(there) == "redis"


def test_after_an_event_or_a_sold_out_item_no_worker_finds_the_old_answer(worker: Worker, env: dict[str, str]) -> None:
    here, there = worker(env), worker(env)
    first, second, *_ = [item["item_id"] for item in here.get(QUESTION).json()["items"]]
    here.post("/v1/events", json={"user_id": "user-002", "item_id": first, "kind": "dismiss"})
    here.patch(f"/v1/items/{second}", json={"stock": 0})
    shown = [item["item_id"] for item in there.get(QUESTION).json()["items"]]
    assert not {first, second} & {*shown}


def test_without_redis_the_answers_are_the_same(worker: Worker, env: dict[str, str]) -> None:
    gone = {"RECSYS_REDIS_URL": "redis://127.0.0.1:1/0"}
    here, there, alone = worker(env), worker(gone), worker()
    bodies = [client.get(QUESTION).json() for client in (here, there, alone)]
    for body in bodies:
        body.pop("request_id")
    assert bodies[0] == bodies[1] == bodies[2]
    assert any("redis" in warning for warning in there.get("/readyz").json()["warnings"])
    assert 'recsys_breaker_opened_total{what="redis"} 1.0' in there.get("/metrics").text


def test_an_invalid_redis_url_stops_the_start_and_says_what_to_do(home: Path) -> None:
    config = ServerConfig.load(home, None, {"RECSYS_REDIS_URL": "localhost:6379"})
    with pytest.raises(BadSettings, match="use redis://"):
        redis_cache(config, Metrics())

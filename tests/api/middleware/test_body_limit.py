"""Body limit and the memory of large bodies that arrive at a time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from api.errors.refused import Refused
from api.middleware.body_limit import SMALL, BodyLimit, BodyMemory

Worker = Callable[..., TestClient]
LARGE = b'{"user_id": "user-002"}' + 900_000 * b" "


def read(limit: BodyLimit) -> None:
    async def story() -> None:
        while (await limit())["more_body"]:
            pass

    asyncio.run(story())


def body(n_chunks: int, size: int, memory: BodyMemory) -> BodyLimit:
    left = n_chunks

    async def receive() -> Message:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": size * b"x", "more_body": left > 0}

    return BodyLimit(receive, 10_000_000, memory)


def test_large_bodies_take_room_while_they_arrive_and_give_it_back() -> None:
    memory = BodyMemory(300_000)
    first, second = body(4, 50_000, memory), body(4, 50_000, memory)
    read(first)
    with pytest.raises(Refused, match="too many large bodies"):
        read(second)
    first.release()
    second.release()
    read(body(4, 50_000, memory))


def test_small_bodies_take_no_room() -> None:
    memory = BodyMemory(0)
    read(body(1, SMALL, memory))


def test_a_large_body_is_taken_again_and_again(worker: Worker) -> None:
    client = worker({"RECSYS_SERVE_BODIES_MB": "1"})
    for _ in range(3):
        assert client.post("/v1/recommendations", content=LARGE).status_code == 200


def test_large_bodies_at_a_time_are_refused_where_there_is_no_room(client: TestClient) -> None:
    edge: Any = client.app
    edge._bodies.take(edge._bodies._free)
    refused = client.post("/v1/recommendations", content=LARGE)
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "too_busy"
    assert refused.headers["retry-after"]
    assert client.post("/v1/recommendations", content=b'{"user_id": "user-002"}').status_code == 200

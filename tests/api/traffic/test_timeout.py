"""Timeout by turns of the event loop: on a free loop as long as it is set, on a busy loop some turns."""

import asyncio
import time
from collections.abc import Coroutine

import pytest

from api.traffic.timeout import loop_timeout
from tests.api.busy_loop import TURN_S, busy_loop


def waited(answer: Coroutine[object, object, object], wait_s: float) -> float:
    """Seconds until the wait was given up."""

    async def story() -> float:
        started = time.perf_counter()
        with pytest.raises(TimeoutError):
            async with loop_timeout(wait_s):
                await answer
        return time.perf_counter() - started

    return asyncio.run(story())


def test_on_a_free_loop_the_timeout_lasts_as_long_as_it_is_set() -> None:
    assert 0.02 <= min(waited(asyncio.sleep(5), 0.02) for _ in range(20)) <= 0.2


def test_on_a_busy_loop_the_timeout_lasts_some_turns_and_then_ends() -> None:
    async def others() -> None:
        async with busy_loop():
            await asyncio.sleep(60)

    assert 4 * TURN_S <= waited(others(), 0.02) <= 60


def test_a_wait_that_ends_in_time_is_not_interrupted() -> None:
    async def story() -> str:
        async with loop_timeout(5):
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)
        return "all of it"

    assert asyncio.run(story()) == "all of it"

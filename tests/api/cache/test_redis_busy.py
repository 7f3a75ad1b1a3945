"""Redis cache in a busy worker: a late loop is no slow Redis, and one round trip serves all requests that wait."""

import asyncio

import pytest
import redis
from structlog.testing import capture_logs

from api.cache.memory import CacheKey
from api.cache.redis import RedisCache
from api.settings import ServeSettings
from tests.api.busy_loop import busy_loop

KEY = CacheKey("v1/rules/7", 1_700_000_000_000, "user-1", 12, "10 home")
PATIENT = ServeSettings(redis_connect_ms=2_000, redis_read_ms=2_000)


@pytest.fixture
def url(redis_url: str) -> str:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        client.config_resetstat()
    return redis_url


def test_a_busy_worker_still_finds_its_answers_in_redis(url: str) -> None:
    failures: list[str] = []

    async def story() -> list[bytes | None]:
        cache = RedisCache(url, ServeSettings(), on_failure=lambda: failures.append("opened"))
        async with busy_loop():
            await cache.put(KEY, b"an answer")
            await cache.settle()
            values = [await cache.get(KEY) for _ in range(10)]
        await cache.close()
        return values

    assert asyncio.run(story()) == [b"an answer"] * 10
    assert failures == []


def test_requests_at_the_same_time_share_a_round_trip_and_get_their_own_values(url: str) -> None:
    keys = [KEY._replace(user_id=f"user-{n}") for n in range(32)]

    async def story() -> list[bytes | None]:
        cache = RedisCache(url, PATIENT)
        for key in keys:
            await cache.put(key, f"for {key.user_id}".encode())
        await cache.settle()
        values = await asyncio.gather(*map(cache.get, keys))
        await cache.close()
        return values

    assert asyncio.run(story()) == [f"for {key.user_id}".encode() for key in keys]
    with redis.Redis.from_url(url) as client:
        trips = client.info("commandstats")["cmdstat_mget"]["calls"]
    assert trips <= 2


def test_a_client_that_disconnects_takes_nothing_from_those_that_wait_with_it(url: str) -> None:
    async def story() -> list[bytes | BaseException | None]:
        cache = RedisCache(url, PATIENT)
        await cache.put(KEY, b"an answer")
        await cache.settle()
        tasks = [asyncio.ensure_future(cache.get(KEY)) for _ in range(6)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        values = await asyncio.gather(*tasks, return_exceptions=True)
        await cache.close()
        return values

    values = asyncio.run(story())
    assert values[1::2] == [b"an answer"] * 3
    assert all(isinstance(error, asyncio.CancelledError) for error in values[::2])


def is_well(cache: RedisCache) -> bool:
    return cache.breaker.is_closed


def test_a_redis_that_was_slow_twice_is_probed_again_at_once(url: str) -> None:
    """Without the usual second: on a busy machine a late answer says little."""

    async def story() -> bytes | None:
        cache = RedisCache(url, ServeSettings(probe_every_s=60))
        await cache.put(KEY, b"an answer")
        await cache.settle()
        for _ in range(2):
            cache.breaker.failure(TimeoutError("late"))
        assert not is_well(cache)
        async with asyncio.timeout(30):
            while not is_well(cache):
                await asyncio.sleep(0.01)
        value = await cache.get(KEY)
        await cache.close()
        return value

    assert asyncio.run(story()) == b"an answer"


def test_a_redis_that_stays_slow_is_probed_at_the_interval(url: str) -> None:
    async def story() -> bool:
        cache = RedisCache(url, ServeSettings(probe_every_s=60))
        for _ in range(2):
            cache.breaker.failure(TimeoutError("late"))
        async with asyncio.timeout(30):
            while not is_well(cache):
                await asyncio.sleep(0.01)
        for _ in range(2):
            cache.breaker.failure(TimeoutError("late again"))
        await asyncio.sleep(0.2)
        is_closed = cache.breaker.is_closed
        await cache.close()
        return is_closed

    assert not asyncio.run(story())


def test_a_redis_that_refuses_writes_is_still_read(url: str) -> None:
    async def story() -> tuple[bytes | None, bool]:
        cache = RedisCache(url, PATIENT)
        await cache.put(KEY, b"an answer")
        await cache.settle()
        with redis.Redis.from_url(url) as client:
            client.config_set("maxmemory", 1)
            try:
                await cache.put(KEY._replace(user_id="user-2"), b"another")
                await cache.settle()
                value, is_closed = await cache.get(KEY), cache.breaker.is_closed
            finally:
                client.config_set("maxmemory", 0)
        await cache.close()
        return value, is_closed

    assert asyncio.run(story()) == (b"an answer", True)


def test_a_refused_write_is_logged_once_and_never_with_the_payload(url: str) -> None:
    async def story() -> None:
        cache = RedisCache(url, PATIENT.model_copy(update={"probe_every_s": 0.001}))
        with redis.Redis.from_url(url) as client:
            client.config_set("maxmemory", 1)
            try:
                for n in range(3):
                    await cache.put(KEY._replace(user_id=f"user-{n}"), b"secret-shelf")
                    await cache.settle()
                    await asyncio.sleep(0.01)
            finally:
                client.config_set("maxmemory", 0)
        await cache.put(KEY, b"secret-shelf")
        await cache.settle()
        await cache.close()

    with capture_logs() as lines:
        asyncio.run(story())

    assert [line["event"] for line in lines] == ["redis_takes_nothing", "redis_takes_again"]
    assert "maxmemory" in lines[0]["detail"]
    assert "secret-shelf" not in str(lines)

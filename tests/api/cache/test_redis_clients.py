"""A Redis Cluster as one cache: its URL, and what the loss of a node costs."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.cache.memory import CacheKey
from api.cache.redis import RedisCache
from api.cache.redis_clients import ClusterClient, open_client
from api.settings import ServeSettings
from tests.redis_servers import RedisNodes

KEYS = [CacheKey("v1", 0, f"user-{n}", 1, "10 home") for n in range(60)]  # some lie on each node
PATIENT = ServeSettings(probe_every_s=0.05, redis_connect_ms=2_000, redis_read_ms=2_000)
FEW_WAITS_S = 5 * 0.2


@pytest.mark.parametrize(
    "url", ["redis+cluster://", "redis+cluster://host:port", "redis+cluster://a:1,,b:2", "http://host"]
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT|redis://"):
        open_client(url)


def test_a_url_names_nodes_user_password_and_encryption() -> None:
    client = open_client("rediss+cluster://shop:secret@one:7000,two/0")
    assert isinstance(client, ClusterClient)
    nodes = client._redis.nodes_manager.startup_nodes
    assert sorted(nodes) == ["one:7000", "two:6379"]
    connection = nodes["one:7000"].connection_kwargs
    assert (connection["username"], connection["password"]) == ("shop", "secret")
    assert "SSL" in nodes["one:7000"].connection_class.__name__


@pytest.fixture(scope="module")
def running_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisNodes]:
    running = RedisNodes(tmp_path_factory.mktemp("cluster"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def nodes(running_nodes: RedisNodes) -> Iterator[RedisNodes]:
    running_nodes.mend()
    running_nodes.flush()
    yield running_nodes
    running_nodes.mend()


async def all_of(cache: RedisCache) -> list[bytes | None]:
    return list(await asyncio.gather(*(cache.get(key) for key in KEYS)))


async def filled(cache: RedisCache) -> None:
    for key in KEYS:
        await cache.put(key, (key.user_id or "").encode())
    await cache.settle()


@pytest.mark.slow
def test_values_lie_on_all_nodes_are_read_together_and_cleared(nodes: RedisNodes) -> None:
    async def story() -> tuple[list[bytes | None], list[bytes | None]]:
        cache = RedisCache(nodes.url, PATIENT)
        await filled(cache)
        values = await all_of(cache)
        n_keys = []
        for node in nodes.nodes:
            with node.client() as client:
                n_keys.append(client.dbsize())
        assert min(n_keys) > 0
        assert sum(n_keys) == len(KEYS)
        assert await cache.clear()
        cleared = await all_of(cache)
        await cache.close()
        return values, cleared

    assert asyncio.run(story()) == ([(key.user_id or "").encode() for key in KEYS], [None] * len(KEYS))


def one_killed(nodes: RedisNodes) -> None:
    nodes.nodes[1].stop()


def one_hung(nodes: RedisNodes) -> None:
    nodes.nodes[1].signal(signal.SIGSTOP)


def all_killed(nodes: RedisNodes) -> None:
    nodes.stop()


@pytest.mark.slow
@pytest.mark.parametrize("harm", [one_killed, one_hung, all_killed])
def test_a_lost_node_costs_few_waits_then_none_and_is_used_again_when_it_is_back(
    nodes: RedisNodes, harm: Callable[[RedisNodes], None]
) -> None:
    opened: list[str] = []

    async def story() -> tuple[float, list[bytes | None]]:
        settings = ServeSettings(probe_every_s=0.05, redis_connect_ms=200, redis_read_ms=200)
        cache = RedisCache(nodes.url, settings, on_failure=lambda: opened.append("opened"))
        while await cache.get(KEYS[0]) is None:
            await filled(cache)
            await asyncio.sleep(0.05)
        opened.clear()
        harm(nodes)
        started = time.perf_counter()
        for _ in range(5):
            await all_of(cache)
        cost = time.perf_counter() - started
        assert opened == ["opened"]
        await asyncio.sleep(3 * settings.probe_every_s)
        await asyncio.to_thread(nodes.mend)
        async with asyncio.timeout(20):
            while not cache.breaker.is_closed:
                await asyncio.sleep(0.02)
        await filled(cache)
        values = await all_of(cache)
        await cache.close()
        return cost, values

    cost, values = asyncio.run(story())
    assert cost <= FEW_WAITS_S
    assert values == [(key.user_id or "").encode() for key in KEYS]


@pytest.mark.slow
def test_a_cluster_that_is_gone_from_the_start_only_misses(tmp_path: Path) -> None:
    async def story() -> tuple[list[bytes | None], float]:
        cache = RedisCache("redis+cluster://127.0.0.1:9,127.0.0.1:19", ServeSettings(probe_every_s=60))
        started = time.perf_counter()
        values = [value for _ in range(5) for value in await all_of(cache)]
        cost = time.perf_counter() - started
        await cache.close()
        return values, cost

    values, cost = asyncio.run(story())
    assert values == [None] * 5 * len(KEYS)
    assert cost <= FEW_WAITS_S

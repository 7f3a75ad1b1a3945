"""Faults of Redis and of the network to it: every answer is right and in time, and the cache comes back by itself."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from tests.bench.servers import Server
from tests.homes import copy_home
from tests.resilience.faults import Fault, Wire, wire_to
from tests.resilience.running import kept_connections, service, url_of

N_REQUESTS, AT_ONCE = 400, 4
LATE_S = 0.060
OPENS_S, RETURNS_S = 1.0, 3.0


class Spare(NamedTuple):
    """What a busy machine is allowed: seconds more, times as long, and the best of some rounds."""

    seconds: float
    times: float
    rounds: int


SPARES = pytest.mark.parametrize(
    "spare",
    [
        pytest.param(Spare(10.0, 3.0, 4), id="busy", marks=pytest.mark.slow),
        pytest.param(Spare(0.0, 1.0, 12), id="quiet", marks=pytest.mark.soak),
    ],
)
Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def wire(redis_url: str) -> Iterator[Wire]:
    with wire_to(cast(int, urlsplit(redis_url).port)) as wire:
        yield wire


@pytest.fixture(scope="module")
def server(trained_home: Path, wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker without a memory cache: only Redis holds earlier answers."""
    settings = {"RECSYS_REDIS_URL": f"redis://127.0.0.1:{wire.port}/0", "RECSYS_SERVE_CACHE_MB": "0"}
    home = copy_home(trained_home, tmp_path_factory.mktemp("faults") / "home")
    with service(home, {**settings, "RECSYS_SERVE_LOG_ANSWERS": "false"}) as running:
        yield running


@pytest.fixture
def behind(redis_url: str, wire: Wire, server: Server) -> Iterator[redis.Redis]:
    """The real Redis, empty, without a fault."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        yield client
        wire.set("none")
        client.config_set("maxmemory", 0)
        client.replicaof("no", "one")
        wait(server, is_down=False)


def latencies(server: Server) -> list[float]:
    """Latencies of N_REQUESTS requests in seconds, AT_ONCE at a time; every answer is right."""

    async def all_of_them() -> list[float]:
        took: list[float] = []
        async with kept_connections(AT_ONCE) as web:

            async def some(first: int) -> None:
                for n in range(first, N_REQUESTS, AT_ONCE):
                    started = time.perf_counter()
                    path = f"/v1/users/user-{n % 30:03}/recommendations?placement=buy-again&k={1 + n % 3}"
                    answer = await web.get(url_of(server) + path)
                    took.append(time.perf_counter() - started)
                    assert answer.status_code == 200, answer.text
                    assert len(answer.json()["items"]) == 1 + n % 3

            await asyncio.gather(*map(some, range(AT_ONCE)))
        return took

    return asyncio.run(all_of_them())


def late(server: Server, rounds: int) -> float:
    """The 99th percentile of the best of some rounds, in seconds: other processes use this machine too."""
    return min(sorted(latencies(server))[int(0.99 * N_REQUESTS)] for _ in range(rounds))


def warnings(server: Server, web: httpx.Client) -> str:
    return " ".join(web.get(f"{url_of(server)}/readyz").json()["warnings"])


def wait(server: Server, *, is_down: bool) -> float:
    """Seconds until the breaker of the worker is open, or closed."""
    with httpx.Client(timeout=60) as web:
        started = time.monotonic()
        while ("redis" in warnings(server, web)) != is_down:
            assert time.monotonic() - started < 60, "the breaker never moved"
            if is_down:
                web.get(f"{url_of(server)}/v1/users/user-001/recommendations?k={time.monotonic_ns() % 100 + 1}")
            time.sleep(0.01)
        return time.monotonic() - started


def answers_from(server: Server, source: str) -> float:
    lines = httpx.get(f"{url_of(server)}/metrics", timeout=60).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f'recsys_answers_total{{source="{source}"'))


def n_faults(server: Server) -> int:
    return httpx.get(f"{url_of(server)}/metrics", timeout=60).text.count('status="500"')


@SPARES
@pytest.mark.parametrize("fault", ["stopped", "hung", "slow", "cut", "noise"])
def test_a_broken_connection_is_detected_in_time_and_so_is_its_repair(
    server: Server, wire: Wire, behind: redis.Redis, fault: Fault, spare: Spare, record_property: Tell
) -> None:
    usual = late(server, spare.rounds)
    wire.set(fault)
    opened = wait(server, is_down=True)
    worst = late(server, spare.rounds)
    wire.set("none")
    back = wait(server, is_down=False)
    output = (
        f"{fault}: p99 {1_000 * worst:.1f} ms, {1_000 * usual:.1f} without; down after {opened:.2f} s, back {back:.2f}"
    )
    record_property("figures", output)
    assert n_faults(server) == 0
    assert worst <= spare.times * usual + LATE_S, output
    assert opened <= OPENS_S + spare.seconds
    assert back <= RETURNS_S + spare.seconds
    before = answers_from(server, "redis")
    latencies(server)
    assert answers_from(server, "redis") > before


@SPARES
@pytest.mark.parametrize("fault", ["full", "read-only", "flushed", "corrupted", "wrong type"])
def test_a_redis_that_misbehaves_costs_only_its_cached_answers(
    server: Server, behind: redis.Redis, fault: str, spare: Spare, record_property: Tell
) -> None:
    usual = late(server, spare.rounds)
    names = list(behind.keys("recsys:answer:*"))
    assert names
    if fault == "full":
        behind.config_set("maxmemory-policy", "noeviction")
        behind.config_set("maxmemory", 1)
    elif fault == "read-only":
        behind.replicaof("127.0.0.1", 1)
        behind.config_set("replica-serve-stale-data", "yes")
    elif fault == "flushed":
        behind.flushall()
    else:
        for name in names:
            behind.delete(name)
            behind.hset(name, "a", "b") if fault == "wrong type" else behind.set(name, b"x" * 300)
    worst = late(server, spare.rounds)
    output = f"{fault}: p99 {1_000 * worst:.1f} ms, {1_000 * usual:.1f} without"
    record_property("figures", output)
    assert n_faults(server) == 0
    assert worst <= spare.times * usual + LATE_S, output
    with httpx.Client(timeout=60) as web:
        assert "redis" not in warnings(server, web), "what it has it still tells"

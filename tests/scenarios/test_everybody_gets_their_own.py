"""Under load, with clients that hang up, events, a hot swap and a Redis gone mad, nobody sees what is another's."""

import asyncio
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import redis

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.models.registry import LEARNERS
from recsys.progress import StepLog
from recsys.testing import NOW
from recsys.time_units import DAY_MS
from tests.resilience.running import kept_connections
from training.job import train
from training.registry import Registry

CUSTOMERS = [f"{n:03}" for n in range(300)]
READY_S = 120.0
CONNECTIONS = 32
ROUNDS = 2  # times that everybody asks
# What teaches lists by what others do is left out: it takes long to learn, and none of it is asked for here.
SETTINGS = "".join(
    f"[models.{name}]\noff = true\n" for name in sorted(LEARNERS) if name not in ("popularity", "buy_again")
)
OWNER = re.compile(r"own-(\d{3})-")
PATHS = (
    "/v1/users/customer-{0}/recommendations?placement=buy-again&k=2",  # the shortcut
    "/v1/users/customer%2D{0}/recommendations?placement=buy-again&k=2",  # the same question by way of the routes
    "/v1/recommendations",
)


def bought(customer: str, item: str, week: int) -> Event:
    at_ms = int((NOW - 7 * week - 1) * DAY_MS) + int(customer)
    event_id = f"{customer}-{item}-{week}"
    return Event(event_id, f"customer-{customer}", item, Kind.PURCHASE, at_ms, 1.0, 2.0, f"{customer}-{week}")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every customer buys two things again and again that nobody else ever buys; two releases have learnt that."""
    home = tmp_path_factory.mktemp("own")
    (home / "recsys.toml").write_text(SETTINGS)
    store = open_store(home, None)
    store.put_items([Item(f"own-{customer}-{n}", name=f"own-{customer}-") for customer in CUSTOMERS for n in range(3)])
    store.append(
        [bought(customer, f"own-{customer}-{n}", week) for customer in CUSTOMERS for n in (0, 1) for week in range(6)]
    )
    for _ in range(2):
        train(store, home, home / "recsys.toml", StepLog())
    store.close()
    return home


@pytest.fixture(params=["redis", "no redis"])
def service(request: pytest.FixtureRequest, shop: Path) -> Iterator[tuple[str, str | None]]:
    """The address of two workers, and that of the Redis they share, if they do."""
    redis_url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    env = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    env |= {"RECSYS_SERVE_LOOK_EVERY_S": "0.05", "RECSYS_SERVE_LOG_LEVEL": "warning"}
    env |= {"RECSYS_SERVE_SHED_AFTER_MS": "60000"}  # however busy the machine: each list is to be its customer's own
    if redis_url:  # nothing from the memory of a worker: every answer is one that Redis was asked for
        env |= {"RECSYS_REDIS_URL": redis_url, "RECSYS_SERVE_CACHE_MB": "0", "RECSYS_SERVE_REDIS_READ_MS": "2000"}
    command = [str(Path(sys.executable).with_name("recsys")), "--home", str(shop), "serve", "--port", port]
    process = subprocess.Popen([*command, "--workers", "2"], env=env)
    wait_until_ready(f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}", redis_url
    process.terminate()
    process.wait(30)


def wait_until_ready(url: str) -> None:
    ready: set[str] = set()
    ends = time.monotonic() + READY_S
    with httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=20) as web:
        while time.monotonic() < ends and len(ready) < 2:
            try:
                answer = web.get(f"{url}/readyz")
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                ready.add(answer.headers["x-request-id"].split("-")[0])
    assert len(ready) == 2, f"{ready} are ready within {READY_S} s"


@dataclass
class Load:
    """What goes on at once, and what came of it."""

    url: str
    home: Path
    redis_url: str | None
    web: httpx.AsyncClient
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    strangers: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    versions: set[str] = field(default_factory=set)

    async def ask(self, customer: str, path: str) -> None:
        answer = await self._asked(customer, path)
        self.told[f"asked {answer.status_code}"] += 1
        owners = set(OWNER.findall(answer.text))
        if answer.status_code != 200 or owners != {customer}:
            self.strangers.append(f"{customer} was told: {answer.status_code} {answer.text}")
        else:
            self.versions.add(answer.json()["model_version"])

    async def _asked(self, customer: str, path: str) -> httpx.Response:
        if path != PATHS[-1]:
            return await self.web.get(self.url + path.format(customer))
        asked = {"user_id": f"customer-{customer}", "placement": "buy-again", "k": 2, "exclude": ["item-1"]}
        return await self.web.post(self.url + path, json=asked)

    async def ask_all(self) -> None:
        """Everybody some times, in no order, CONNECTIONS at once; some buy something of their own in between."""
        questions = [(customer, path) for customer in CUSTOMERS for path in PATHS] * ROUNDS
        self.rng.shuffle(questions)

        async def one_after_the_other(part: list[tuple[str, str]]) -> None:
            for n, (customer, path) in enumerate(part):
                if n % 10 == 0:
                    await self.buy(customer)
                await self.ask(customer, path)

        await asyncio.gather(*(one_after_the_other(questions[n::CONNECTIONS]) for n in range(CONNECTIONS)))

    async def buy(self, customer: str) -> None:
        event = {"user_id": f"customer-{customer}", "item_id": f"own-{customer}-2", "kind": "purchase"}
        answer = await self.web.post(f"{self.url}/v1/events", json=event)
        self.told[f"bought {answer.status_code}"] += 1

    async def hang_up(self) -> None:
        """Ask and go away: in the middle of the question, right after it, or in the middle of the answer."""
        host, port = self.url.removeprefix("http://").split(":")
        while True:
            reader, writer = await asyncio.open_connection(host, int(port))
            path = PATHS[0].format(self.rng.choice(CUSTOMERS))
            request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            patience = self.rng.choice(("question", "none", "answer"))
            try:
                writer.write(request[: len(request) // 2] if patience == "question" else request * 3)
                await writer.drain()
                if patience == "answer":
                    await reader.read(20)
            finally:  # also where all end
                writer.transport.abort()
            self.told["hung up"] += 1
            await asyncio.sleep(0.02)

    async def swap(self) -> None:
        """Puts the other release into service, again and again."""
        registry = Registry(self.home)
        versions = [release.version for release in registry.releases()]
        while True:
            for version in versions:
                await asyncio.to_thread(registry.promote, version)
                await asyncio.sleep(1)

    async def mix_up(self) -> None:
        """Puts each value in Redis under the key of another."""
        assert self.redis_url is not None
        with redis.Redis.from_url(self.redis_url) as client:
            while True:
                names = await asyncio.to_thread(lambda: list(client.scan_iter("recsys:answer:*", count=1_000)))
                some = self.rng.sample(names, len(names) // 2)
                await asyncio.to_thread(exchange, client, some)
                self.told["mixed up"] += len(some)
                await asyncio.sleep(0.1)


def exchange(client: "redis.Redis", names: list[bytes]) -> None:
    if names:
        values = client.mget(names)
        moved = [*values[1:], values[0]]
        with client.pipeline(transaction=False) as pipe:
            for name, value in zip(names, moved, strict=True):
                if value is not None:
                    pipe.set(name, value, keepttl=True)
            pipe.execute()


async def under_load(url: str, home: Path, redis_url: str | None) -> tuple[Load, str]:
    """Everything at once until everybody has asked ROUNDS times; then what the service counted."""
    async with kept_connections(CONNECTIONS) as web:
        load = Load(url, home, redis_url, web)
        beside = [load.hang_up(), load.swap(), *([load.mix_up()] if redis_url else [])]
        tasks = [asyncio.create_task(deed) for deed in beside]
        await load.ask_all()
        died = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert died == []
        return load, (await web.get(f"{url}/metrics")).text


def answers_from(source: str, metrics: str) -> float:
    (line,) = (line for line in metrics.splitlines() if line.startswith(f'recsys_answers_total{{source="{source}"}}'))
    return float(line.split()[-1])


@pytest.mark.slow
def test_nobody_is_ever_told_what_belongs_to_another(service: tuple[str, str | None], shop: Path) -> None:
    url, redis_url = service
    load, metrics = asyncio.run(under_load(url, shop, redis_url))
    assert load.strangers == []
    n_questions = len(CUSTOMERS) * len(PATHS) * ROUNDS
    assert load.told["asked 200"] == n_questions
    assert load.told["bought 202"] >= n_questions // 10
    assert load.told["hung up"] > 20
    assert 'status="500"' not in metrics, "a client that hangs up is no fault of the service"
    assert len(load.versions) == 2, "the release was swapped while they asked"
    assert answers_from("redis" if redis_url else "memory", metrics) > 50
    assert redis_url is None or load.told["mixed up"] > len(CUSTOMERS)

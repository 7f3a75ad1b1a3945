"""A shop on several hosts, as processes of this machine: PostgreSQL, a Redis Cluster, object storage, API hosts."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from recsys.data.events import Event
from recsys.data.store.open import open_store
from recsys.testing import small_items
from tests.bench.servers import Server, plain_env, recsys
from tests.redis_servers import RedisNodes
from tests.resilience.faults import Wire, wire_to
from tests.resilience.running import service, url_of

WAIT_S = 120.0


@dataclass
class ApiHost:
    """A host with a home of its own; `lose` ends it as a power cut does."""

    home: Path
    env: Mapping[str, str]
    web: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0))
    server: Server | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        self.server = self._stack.enter_context(service(self.home, self.env, workers=2))

    def lose(self) -> None:
        assert self.server is not None
        for pid in (self.server.pid, *self.server.workers()):
            os.kill(pid, 9)
        self.stop()

    def stop(self) -> None:
        self._stack.close()
        self.server = None

    def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        assert self.server is not None
        return self.web.request(method, url_of(self.server) + path, json=body)

    def list_for(self, user_id: str, k: int = 5) -> dict[str, Any]:
        answer = self.request("GET", f"/v1/users/{user_id}/recommendations?k={k}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def version(self) -> str:
        return str(self.list_for("user-003")["model_version"])

    def buy(self, user_id: str, *item_ids: str) -> int:
        events = [{"user_id": user_id, "item_id": item_id, "kind": "purchase"} for item_id in item_ids]
        return self.request("POST", "/v1/events", events).status_code


@dataclass
class Topology:
    """trainer: a home without a service, for jobs.  env: the settings that all hosts share."""

    env: Mapping[str, str]
    nodes: RedisNodes
    storage: Wire
    trainer: Path
    hosts: tuple[ApiHost, ApiHost]

    def run(self, *words: str, home: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command, env = recsys(home or self.trainer, *words), plain_env({**self.env, "COLUMNS": "200"})
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def train(self, *words: str) -> str:
        """Trains where nobody is served; returns the version that passed the gate and was promoted."""
        done = self.run("train", "--always", "--json", *words)
        assert done.returncode == 0, done.stderr + done.stdout
        return str(json.loads(done.stdout)["version"])

    def seconds_until_live(self, version: str) -> float:
        """Until every worker of both hosts serves that release."""
        began = time.monotonic()
        for host in self.hosts:
            wait_until(lambda host=host: {host.version() for _ in range(8)} == {version})  # type: ignore[misc]
        return time.monotonic() - began


def wait_until(happened: Callable[[], bool], seconds: float = WAIT_S) -> None:
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def _topology(folder: Path, database_url: str, storage: Wire, events: list[Event]) -> Iterator[Topology]:
    """Both hosts serve the first release, which the trainer made."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS recsys CASCADE")
    with closing(open_store(folder, database_url)) as store:
        store.append(events)
        store.put_items(small_items())
    nodes = RedisNodes(folder / "redis")
    nodes.start()
    env = {
        "RECSYS_DATABASE_URL": database_url,
        "RECSYS_REDIS_URL": nodes.url,
        "RECSYS_REGISTRY_URL": "s3://shop/several-hosts",
        "RECSYS_REGISTRY_LOOK_EVERY_S": "0.5",
        "RECSYS_REGISTRY_TIMEOUT_S": "5",
        "RECSYS_TRAIN_SPARE_SECONDS": "0",
        "RECSYS_TRAIN_NICENESS": "0",
        "RECSYS_SPARK_MASTER": "local[2]",
        "RECSYS_SPARK_DRIVER_MEMORY": "1g",
        "RECSYS_SERVE_DATABASE_TIMEOUT_MS": "2000",
        "RECSYS_SERVE_PROBE_EVERY_S": "0.2",
    }
    shop = Topology(env, nodes, storage, folder / "trainer", (ApiHost(folder / "a", env), ApiHost(folder / "b", env)))
    try:
        for home in (shop.trainer, *(host.home for host in shop.hosts)):
            home.mkdir()
        shop.train()
        for host in shop.hosts:
            host.start()
        yield shop
    finally:
        for host in shop.hosts:
            host.stop()
            host.web.close()
        nodes.stop()


@contextmanager
def topology_on_storage(
    folder: Path, postgres_url: str, s3_server: str, shop_events: list[Event]
) -> Iterator[Topology]:
    """The topology with a bucket of its own, over a wire that a test may cut."""
    from s3fs import S3FileSystem

    with pytest.MonkeyPatch.context() as patch, wire_to(urlsplit(s3_server).port or 0) as storage:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{storage.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        S3FileSystem.clear_instance_cache()
        S3FileSystem().mkdir("shop")
        with _topology(folder, postgres_url, storage, shop_events) as running:
            yield running
        S3FileSystem().rm("shop", recursive=True)
        S3FileSystem.clear_instance_cache()

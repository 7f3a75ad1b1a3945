"""Workers replaced and releases swapped under load: no request fails."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from recsys.data.store.open import open_store
from recsys.progress import StepLog
from tests.bench.servers import Server
from tests.resilience.running import kept_connections, pids_of, service, url_of, worker_of
from training.job import train
from training.registry import Registry

AT_ONCE = 8
GIVEN_UP_S = 90.0  # a worker that is not ready for half a minute, on a machine that stood still, ends the replacement
SETTINGS = {"RECSYS_SERVE_DRAIN_S": "1", "RECSYS_SERVE_LOOK_EVERY_S": "0.05", "RECSYS_SERVE_LOG_LEVEL": "error"}


class Crowd:
    """Clients that send without a pause, and the statuses of their answers."""

    def __init__(self, server: Server) -> None:
        self._url = url_of(server)
        self.statuses: Counter[str] = Counter()
        self.workers: set[str] = set()
        self.versions: Counter[str] = Counter()
        self.is_over = False

    async def ask(self, web: httpx.AsyncClient, first: int) -> None:
        n = first
        while not self.is_over:
            n += AT_ONCE
            answer = await web.get(f"{self._url}/v1/users/user-{n % 60:03}/recommendations?k=5")
            self.statuses[str(answer.status_code)] += 1
            self.workers.add(worker_of(answer))
            self.versions[answer.json()["model_version"]] += 1
            assert len(answer.json()["items"]) == 5
            if n % 20 == 0:
                event = {"user_id": f"user-{n % 60:03}", "item_id": "item-003", "kind": "view"}
                answer = await web.post(f"{self._url}/v1/events", json=event)
                self.statuses[str(answer.status_code)] += 1


async def restarted(server: Server, n: int) -> Crowd:
    """Replaces all workers n times under load."""
    crowd = Crowd(server)
    async with kept_connections(AT_ONCE) as web:
        tasks = [asyncio.create_task(crowd.ask(web, first)) for first in range(AT_ONCE)]
        for _ in range(n):
            before, ask_again_at = set(pids_of(server)), 0.0
            while before & set(pids_of(server)) or len(pids_of(server)) != len(before):
                if (now := asyncio.get_running_loop().time()) > ask_again_at:
                    os.kill(server.pid, signal.SIGHUP)
                    ask_again_at = now + GIVEN_UP_S
                await asyncio.sleep(0.2)
                failed = [task.exception() for task in tasks if task.done()]
                assert not failed, failed
        crowd.is_over = True
        await asyncio.gather(*tasks)
    return crowd


@pytest.mark.slow
def test_two_workers_are_replaced_under_load_without_a_failed_request(home_copy: Path) -> None:
    with service(home_copy, SETTINGS, workers=2) as server:
        crowd = asyncio.run(restarted(server, 1))
        metrics = httpx.get(f"{url_of(server)}/metrics", timeout=60).text
    assert set(crowd.statuses) == {"200", "202"}
    assert len(crowd.workers) >= 3
    live = next(line for line in metrics.splitlines() if line.startswith("recsys_model_live{"))
    assert live.endswith(" 2.0"), "workers that have ended are not counted as live"


@pytest.mark.soak
def test_fifty_restarts_under_load_fail_no_request(home_copy: Path) -> None:
    with service(home_copy, SETTINGS, workers=2) as server:
        crowd = asyncio.run(restarted(server, 25))
    assert set(crowd.statuses) == {"200", "202"}
    assert len(crowd.workers) >= 45


async def swapped(server: Server, home: Path, n: int) -> Crowd:
    """Changes the release n times under load."""
    crowd = Crowd(server)
    registry = Registry(home)
    versions = [release.version for release in registry.releases()]
    async with kept_connections(AT_ONCE) as web:
        tasks = [asyncio.create_task(crowd.ask(web, first)) for first in range(AT_ONCE)]
        for k in range(n):
            wanted = versions[k % len(versions)]
            await asyncio.to_thread(registry.promote, wanted)
            seen = crowd.versions[wanted]
            while crowd.versions[wanted] == seen:
                await asyncio.sleep(0.05)
                failed = [task.exception() for task in tasks if task.done()]
                assert not failed, failed
        crowd.is_over = True
        await asyncio.gather(*tasks)
    return crowd


def with_two_releases(home: Path) -> Path:
    store = open_store(home, None)
    train(store, home, None, StepLog())
    store.close()
    return home


@pytest.mark.parametrize("swaps", [pytest.param(4, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.soak)])
def test_releases_are_swapped_under_load_without_a_failed_request(home_copy: Path, swaps: int) -> None:
    home = with_two_releases(home_copy)
    with service(home, SETTINGS, workers=2) as server:
        crowd = asyncio.run(swapped(server, home, swaps))
    assert set(crowd.statuses) == {"200", "202"}
    assert len(crowd.versions) == 2

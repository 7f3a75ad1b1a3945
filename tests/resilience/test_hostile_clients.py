"""500 hostile clients at once: a worker stays within its stated memory, and another customer's list does not wait."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.homes import copy_home
from tests.resilience.hostile_clients import N_CLIENTS
from tests.resilience.running import memory_of, pids_of, service, url_of

SECONDS = 8.0
CACHE_MB, UNSENT_MB, BODIES_MB = 32, 32, 32
CONNECTION_MB = 0.5  # what a connection may hold while it is read: requests below 64 KiB, headers, parsed queries


@pytest.mark.parametrize(
    "longest_s",
    [pytest.param(5.0, id="busy", marks=pytest.mark.slow), pytest.param(0.25, id="quiet", marks=pytest.mark.soak)],
)
def test_500_hostile_clients_take_neither_memory_nor_time_of_others(
    trained_home: Path, tmp_path: Path, longest_s: float, record_testsuite_property: Callable[[str, object], None]
) -> None:
    home = copy_home(trained_home, tmp_path / "home")
    settings = {"RECSYS_SERVE_CACHE_MB": str(CACHE_MB), "RECSYS_SERVE_UNSENT_MB": str(UNSENT_MB)}
    settings["RECSYS_SERVE_BODIES_MB"] = str(BODIES_MB)
    with service(home, settings) as server, httpx.Client(timeout=60) as web:
        (pid,) = pids_of(server)
        web.get(f"{url_of(server)}/v1/users/user-002/recommendations")
        before, most, waits = memory_of(pid), 0, list[float]()
        program = Path(__file__).with_name("hostile_clients.py")
        attackers = subprocess.Popen([sys.executable, str(program), str(server.port), str(SECONDS)])
        while attackers.poll() is None:
            started = time.perf_counter()
            answer = web.get(f"{url_of(server)}/v1/users/user-{len(waits) % 30:03}/recommendations?k=5")
            waits.append(time.perf_counter() - started)
            assert len(answer.json()["items"]) == 5
            most = max(most, memory_of(pid))
            time.sleep(0.01)
        assert 'status="500"' not in web.get(f"{url_of(server)}/metrics").text
    waits.sort()
    grown, p99 = (most - before) / 2**20, waits[int(0.99 * len(waits))]
    record_testsuite_property(
        "figures", f"grown {grown:.0f} MiB, {len(waits)} lists, p99 {p99:.3f} s, longest {waits[-1]:.3f} s"
    )
    assert grown < CACHE_MB + UNSENT_MB + BODIES_MB + CONNECTION_MB * N_CLIENTS
    assert waits[-1] < longest_s

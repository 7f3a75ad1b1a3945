"""Durability: acknowledged events are stored once, and no event is acknowledged that was not stored."""

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from recsys.data.store.open import open_store
from tests.postgres_server import new_postgres_server
from tests.resilience.running import PATIENT_S, pids_of, service, url_of

N_KILLS, N_ACKNOWLEDGED = 200, 200_000
# Appends batches of new events and says on its output which of them are durable, until it is killed.
WRITER = """
import asyncio, sys
from pathlib import Path
from recsys.data.events import Event, Kind
from recsys.data.store.group_commit import GroupCommit
from recsys.data.store.open import open_store

home, life, n_writers, per_batch = Path(sys.argv[1]), sys.argv[2], 8, 250
url = sys.argv[3] if len(sys.argv) > 3 else None
commits = GroupCommit(open_store(home, url).append)

async def write(writer):
    for batch in range(1_000_000):
        name = f"{life}-{writer}-{batch}"
        events = [Event(f"{name}-{n}", f"user-{n % 50}", f"item-{n % 9}", Kind.VIEW, 1_700_000_000_000 + n)
                  for n in range(per_batch)]
        if all(await commits.submit(events)):
            print(name, flush=True)

async def main():
    await asyncio.gather(*map(write, range(n_writers)))

asyncio.run(main())
"""
PER_BATCH = 250


def killed_while_writing(home: Path, life: str, lives_s: float, *more: str) -> set[str]:
    """Names of the batches that a writer acknowledged before kill -9 ended it, that long after its first."""
    command = [sys.executable, "-c", WRITER, str(home), life, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = [process.stdout.readline()]
        timer = threading.Timer(lives_s, process.kill)
        timer.start()
        output += process.stdout.readlines()
        timer.join()
    assert process.returncode == -signal.SIGKILL
    return {line.strip() for line in output if line.endswith("\n")}


def stored_ids(home: Path, url: str | None = None) -> Counter[str]:
    store = open_store(home, url)
    try:
        return Counter(event_id for frame in store.scan() for event_id in frame["event_id"].to_list())
    finally:
        store.close()


def lost_and_doubled(acknowledged: set[str], stored: Counter[str]) -> tuple[list[str], list[str]]:
    lost = [f"{name}-{n}" for name in acknowledged for n in range(PER_BATCH) if f"{name}-{n}" not in stored]
    return lost, [event_id for event_id, times in stored.items() if times > 1]


def lives(home: Path, n_kills: int, *more: str) -> set[str]:
    rng = random.Random(0)
    return {name for life in range(n_kills) for name in killed_while_writing(home, f"l{life}", rng.random() / 4, *more)}


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    acknowledged = lives(tmp_path, 3)
    assert acknowledged
    assert lost_and_doubled(acknowledged, stored_ids(tmp_path)) == ([], [])


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing_of_two_hundred_thousand_events(tmp_path: Path) -> None:
    acknowledged = lives(tmp_path, N_KILLS)
    assert len(acknowledged) * PER_BATCH >= N_ACKNOWLEDGED
    assert lost_and_doubled(acknowledged, stored_ids(tmp_path)) == ([], [])


@pytest.mark.slow
def test_events_that_eight_clients_send_ten_times_each_are_stored_once(home_copy: Path) -> None:
    batch = [{"event_id": f"e{n}", "user_id": "u", "item_id": "item-001", "kind": "view"} for n in range(100)]
    timed = [
        {"user_id": "u", "item_id": f"item-{n % 9:03}", "kind": "view", "at": 1_700_000_000_000} for n in range(50)
    ]
    with service(home_copy, workers=2) as server, ThreadPoolExecutor(8) as clients:

        def send(_time: int) -> Counter[str]:
            counts: Counter[str] = Counter()
            with httpx.Client(timeout=PATIENT_S) as web:
                for _ in range(10):
                    answer = web.post(f"{url_of(server)}/v1/events", json=batch + timed).json()
                    counts += Counter({name: answer[name] for name in ("accepted", "duplicate", "rejected")})
            return counts

        before = sum(stored_ids(home_copy).values())
        counts = sum(clients.map(send, range(8)), Counter[str]())
        after = stored_ids(home_copy)
    assert counts == {"accepted": 150, "duplicate": 80 * 150 - 150}
    assert sum(after.values()) - before == 150
    assert max(after.values()) == 1


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A small disk mounted below that folder."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def post(web: httpx.Client, url: str, name: str, n: int = 1_000) -> tuple[int, str]:
    events = [{"event_id": f"{name}-{k}", "user_id": f"u{k}", "item_id": "item-001", "kind": "view"} for k in range(n)]
    answer = web.post(f"{url}/v1/events", json=events)
    return answer.status_code, answer.text


def shows(web: httpx.Client, url: str) -> int:
    return len(web.get(f"{url}/v1/users/user-002/recommendations?k=5").json()["items"])


@pytest.mark.slow
def test_a_full_disk_refuses_events_loses_none_and_recovers_by_itself(trained_home: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "40m") as disk:
        home = disk / "home"
        subprocess.run(["cp", "-r", str(trained_home), str(home)], check=True)
        with service(home, {"RECSYS_SERVE_LOG_ANSWERS": "false"}) as server, httpx.Client(timeout=PATIENT_S) as web:
            url = url_of(server)
            ballast = disk / "ballast"
            assert post(web, url, "first")[0] == 202
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(b"\0" * max(0, free - 1_500_000))
            taken = refused = 0
            while refused < 3:
                status, output = post(web, url, f"full-{taken}-{refused}")
                assert status in {202, 503}, output
                taken, refused = taken + (status == 202), refused + (status == 503)
                assert shows(web, url) == 5
                assert taken < 500, "the disk never got full"
            assert "log_unavailable" in output
            ballast.unlink()
            assert post(web, url, "after")[0] == 202
            result = stored_ids(home)
    assert sum(name.startswith("full-") for name in result) == 1_000 * taken
    assert sum(name.startswith(("first-", "after-")) for name in result) == 2_000
    assert max(result.values()) == 1


@pytest.mark.slow
def test_a_disk_that_refuses_writes_refuses_events_and_recovers_by_itself(home_copy: Path) -> None:
    with (
        service(home_copy, {"RECSYS_SERVE_LOG_ANSWERS": "false"}) as server,
        httpx.Client(timeout=PATIENT_S) as web,
    ):
        url, (pid,) = url_of(server), pids_of(server)
        assert post(web, url, "first", 10)[0] == 202
        most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most[1]))
        assert [post(web, url, f"no-{n}", 10)[0] for n in range(5)] == [503] * 5
        assert web.patch(f"{url}/v1/items/item-001", json={"stock": 0}).status_code == 503
        assert shows(web, url) == 5
        resource.prlimit(pid, resource.RLIMIT_FSIZE, most)
        assert post(web, url, "after", 10)[0] == 202
        result = stored_ids(home_copy)
    assert not [name for name in result if name.startswith("no-")]
    assert sum(name.startswith(("first-", "after-")) for name in result) == 20


@pytest.mark.slow
def test_a_postgresql_that_is_killed_under_load_loses_nothing(tmp_path: Path) -> None:
    """kill -9 of every process of the server while eight writers append; it starts again on the same files."""
    server = new_postgres_server()
    try:
        acknowledged: set[str] = set()
        for life in range(3):
            with subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), f"p{life}", str(server.get_uri())],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as writer:
                assert writer.stdout is not None
                acknowledged.add(writer.stdout.readline().strip())
                time.sleep(0.5)
                kill_all(server.get_pid())
                acknowledged |= {line.strip() for line in writer.stdout if line.endswith("\n")}
            for lock in (server.pgdata / "postmaster.pid", *server.pgdata.glob(".s.PGSQL.*.lock")):
                lock.unlink()  # the process it names is dead, but may not be reaped
            server.ensure_postgres_running()
        result = stored_ids(tmp_path, str(server.get_uri()))
    finally:
        server.cleanup()
    assert len(acknowledged) >= 3
    assert lost_and_doubled(acknowledged, result) == ([], [])


def kill_all(pid: int | None) -> None:
    assert pid is not None
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for entry in (pid, *children):
        with suppress(ProcessLookupError):
            os.kill(entry, signal.SIGKILL)

"""Full disk: workers start and answer, none of them dies of it, and a training says what is missing."""

import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from recsys.cli.context import USER_ERROR
from recsys.data.store.open import open_store
from recsys.errors import LogUnavailable
from recsys.testing import small_events
from tests.bench.servers import plain_env, recsys
from tests.resilience.running import PATIENT_S, new_connections, pids_of, service, url_of, wait_for_workers
from tests.resilience.test_durability import small_disk

LIMITS = {"RECSYS_LIMITS_ADDRESS_PER_S": "10000"}


def fill(disk: Path, *, but: int = 0) -> Path:
    """Fills the disk; the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb") as out:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        os.posix_fallocate(out.fileno(), 0, max(1, free - but))
    return ballast


def test_a_log_is_opened_and_read_on_a_disk_without_a_free_byte(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "10m") as disk:
        store = open_store(disk, None)
        store.append(small_events(1))
        store.close()
        ballast = fill(disk)
        store = open_store(disk, None)
        assert store.head() == len(small_events(1))
        with pytest.raises(LogUnavailable, match="the disk is full"):
            store.append([event._replace(event_id=f"new-{event.event_id}") for event in small_events(1)])
        ballast.unlink()
        store.append([small_events(1)[0]._replace(event_id="new")])
        assert store.head() == len(small_events(1)) + 1
        store.close()
        assert (disk / "shop.db-wal").stat().st_size == 0


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 600_000])  # not enough for limits, which take a megabyte
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_start_and_answer_without_room_for_limits_and_metrics(
    trained_home: Path, tmp_path: Path, workers: int, free: int
) -> None:
    with small_disk(tmp_path / "disk", "60m") as disk:
        subprocess.run(["cp", "-r", str(trained_home), str(disk / "home")], check=True)
        fill(disk, but=free)
        with service(disk / "home", LIMITS, workers=workers) as server, new_connections() as web:
            before, url = pids_of(server), url_of(server)
            for n in range(100):
                assert web.get(f"{url}/v1/users/user-{n:03}/recommendations").status_code == 200
                assert web.post(f"{url}/nothing").status_code == 404
            assert web.get(f"{url}/metrics").status_code == 200
            assert pids_of(server) == before


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_no_worker(trained_home: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "60m") as disk:
        subprocess.run(["cp", "-r", str(trained_home), str(disk / "home")], check=True)
        with service(disk / "home", LIMITS, workers=2) as server, new_connections() as web:
            before, url = pids_of(server), url_of(server)
            fill(disk)
            for n in range(100):
                assert web.get(f"{url}/v1/users/user-{n:03}/recommendations").status_code == 200
                assert web.request(f"M{n}", f"{url}/nothing").status_code in (404, 400)
            assert pids_of(server) == before
            os.kill(before[0], signal.SIGKILL)  # a worker that starts on the full disk answers too
            wait_for_workers(server, 2)
            event = {"user_id": "u", "item_id": "item-001", "kind": "view"}
            assert httpx.post(f"{url}/v1/events", json=event, timeout=PATIENT_S).status_code in (202, 503)


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 30_000, 300_000])
def test_a_training_on_a_full_disk_says_so(trained_home: Path, tmp_path: Path, free: int) -> None:
    with small_disk(tmp_path / "disk", "60m") as disk:
        subprocess.run(["cp", "-r", str(trained_home), str(disk / "home")], check=True)
        ballast = fill(disk, but=free)
        command = recsys(disk / "home", "train")
        done = subprocess.run(command, env=plain_env(), capture_output=True, text=True, timeout=PATIENT_S)
        assert "fault" not in done.stderr
        assert done.returncode in (USER_ERROR, 4)
        ballast.unlink()
        result = subprocess.run(
            recsys(disk / "home", "releases"), env=plain_env(), capture_output=True, timeout=PATIENT_S
        )
        assert result.returncode == 0

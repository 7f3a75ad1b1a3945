"""A home that turns read-only: no event is acknowledged that was not stored, and lists go on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.resilience.running import PATIENT_S, service, url_of
from tests.resilience.test_durability import post, shows, small_disk, stored_ids


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """No file there can be written, nor made, nor removed, not even through a descriptor that was opened before.

    A disk cannot be remounted read-only while files on it are open for writing; only a file system that met an error
    becomes so, and then for good.  Immutable files are as near as it gets, but for shared memory (SQLite's and that of
    the metrics): what is mapped can be written on a read-only disk, and not in an immutable file.
    """
    probe = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT)
    try:
        sealed = subprocess.run(["chattr", "-R", "-f", "+i", str(folder)], capture_output=True).returncode == 0
        try:
            mapped = (*folder.glob("*-shm"), *folder.glob("run/**/*"))
            subprocess.run(["chattr", "-f", "-i", *map(str, mapped)], check=False)
            if not sealed or can_write(probe):
                pytest.skip("files can be made immutable by root, with chattr, and on some file systems only")
            yield
        finally:
            subprocess.run(["chattr", "-R", "-f", "-i", str(folder)], check=False)
    finally:
        os.close(probe)


def can_write(fd: int) -> bool:
    try:
        return os.write(fd, b"x") == 1
    except PermissionError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_home_that_turns_read_only_refuses_events_and_recovers_by_itself(home_copy: Path, workers: int) -> None:
    with service(home_copy, workers=workers) as server, httpx.Client(timeout=PATIENT_S) as web:
        url = url_of(server)
        assert post(web, url, "first", 10)[0] == 202
        with read_only(home_copy):
            for n in range(5):
                status, output = post(web, url, f"no-{n}", 10)
                assert (status, "log_unavailable" in output) == (503, True), output
                assert web.patch(f"{url}/v1/items/item-001", json={"stock": 0}).status_code == 503
                assert web.put(f"{url}/v1/users/user-002", json={"attributes": {"age": "20"}}).status_code == 503
                assert web.delete(f"{url}/v1/users/user-003").status_code == 503
                assert shows(web, url) == 5
            assert 'status="500"' not in web.get(f"{url}/metrics").text
        assert post(web, url, "after", 10)[0] == 202
        assert web.patch(f"{url}/v1/items/item-001", json={"stock": 0}).status_code == 200
        shown = web.get(f"{url}/v1/users/user-002/recommendations?k=100").json()["items"]
        assert "item-001" not in {item["item_id"] for item in shown}
        result = stored_ids(home_copy)
    assert not [name for name in result if name.startswith("no-")]
    assert sum(name.startswith(("first-", "after-")) for name in result) == 20
    assert max(result.values()) == 1


@pytest.mark.slow
def test_a_service_starts_on_a_disk_that_is_mounted_read_only_and_refuses_events(
    trained_home: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "60m") as disk:
        subprocess.run(["cp", "-r", str(trained_home), str(disk / "home")], check=True)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with service(disk / "home") as server, httpx.Client(timeout=PATIENT_S) as web:
            url = url_of(server)
            assert shows(web, url) == 5
            status, output = post(web, url, "no", 10)
            assert (status, "log_unavailable" in output) == (503, True)
            assert web.delete(f"{url}/v1/users/user-003").status_code == 503

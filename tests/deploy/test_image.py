"""The image as it runs: not as root, on a read-only file system, through import, training, questions and SIGTERM.

Build it first (`make image`, or `docker build`).  RECSYS_TEST_IMAGE names another one.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

IMAGE = os.environ.get("RECSYS_TEST_IMAGE", "recsys")
ENGINE = shutil.which("docker") if Path("/var/run/docker.sock").exists() else shutil.which("podman")
LOCKED = ("--read-only", "--tmpfs", "/tmp:size=1g", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
OWNER = 10001
READY_S = 60.0

pytestmark = pytest.mark.soak

Run = Callable[..., str]


@pytest.fixture(scope="module")
def volume() -> Iterator[str]:
    """An empty volume for the home; skips where no engine has the image."""
    if (
        ENGINE is None
        or subprocess.run([ENGINE, "image", "inspect", IMAGE], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"no engine of containers has the image {IMAGE}")
    name = f"recsys-test-{os.getpid()}"
    subprocess.run([ENGINE, "volume", "create", name], check=True, capture_output=True)
    yield name
    subprocess.run([ENGINE, "volume", "rm", "--force", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def recsys(volume: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a command of the image on the home; what it prints."""
    folder = tmp_path_factory.mktemp("shop")
    lines = [f"c{n % 60},i{n * 7 % 40},2026-01-{1 + n % 28:02}" for n in range(3_000)]
    (folder / "orders.csv").write_text("\n".join(["user_id,item_id,at", *lines]))
    folder.chmod(0o755)

    def run(*words: str) -> str:
        home = ("--volume", f"{volume}:/var/lib/recsys", "--volume", f"{folder}:/data:ro")
        fast = ("--env", "RECSYS_TRAIN_SPARE_SECONDS=0")
        command = [str(ENGINE), "run", "--rm", *LOCKED, *home, *fast, IMAGE, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run("import", "events", "/data/orders.csv", "--kind", "purchase")
    run("train", "--force", "a shop made up for a test")
    return run


@pytest.fixture(scope="module")
def key(recsys: Run) -> str:
    return str(json.loads(recsys("keys", "create", "test", "--scope", "admin", "--json"))["key"])


@pytest.fixture
def served(volume: str, key: str) -> Iterator[tuple[str, httpx.Client]]:
    """A running container and a client that has waited until it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = (*LOCKED, "--volume", f"{volume}:/var/lib/recsys", "--publish", f"127.0.0.1:{port}:8000")
    started = subprocess.check_output([str(ENGINE), "run", "--detach", *options, IMAGE], text=True).split()[-1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": key}) as client:
        deadline = time.monotonic() + READY_S
        while not _is_ready(client):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield started, client
    subprocess.run([str(ENGINE), "rm", "--force", started], check=False, capture_output=True)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_list_an_event_and_the_list_after_it(served: tuple[str, httpx.Client]) -> None:
    _, client = served
    assert len(client.get("/v1/users/c1/recommendations?k=5").json()["items"]) == 5
    told = client.post("/v1/events", json={"user_id": "somebody", "item_id": "i3", "kind": "purchase"}).json()
    assert told["accepted"] == 1
    assert '"because":["i3"]' in client.get("/v1/users/somebody/recommendations").text
    assert httpx.get(f"{client.base_url}/v1/users/c1/recommendations").status_code == 401


def test_the_container_is_not_root_writes_nowhere_else_and_is_healthy(served: tuple[str, httpx.Client]) -> None:
    started, _ = served
    inside = [str(ENGINE), "exec", started]
    assert subprocess.check_output([*inside, "id", "-u"], text=True).strip() == str(OWNER)
    assert subprocess.run([*inside, "touch", "/opt/recsys/x"], capture_output=True, check=False).returncode != 0
    (settings,) = json.loads(subprocess.check_output([str(ENGINE), "inspect", started]))
    check = settings["Config"]["Healthcheck"]["Test"]
    assert subprocess.run([*inside, *check[1:]], check=False).returncode == 0


def test_sigterm_ends_the_service_after_what_it_has_begun(served: tuple[str, httpx.Client]) -> None:
    started, client = served
    stopping = subprocess.Popen([str(ENGINE), "stop", "--time", "20", started], stdout=subprocess.DEVNULL)
    statuses = []
    while stopping.poll() is None:
        try:
            statuses.append(client.get("/v1/users/c1/recommendations").status_code)
        except httpx.TransportError:
            break
    stopping.wait()
    assert set(statuses) == {200}
    code = subprocess.check_output([str(ENGINE), "inspect", "--format", "{{.State.ExitCode}}", started], text=True)
    assert code.strip() == "0"

"""`recsys serve` and `recsys doctor` as real processes: several workers, one port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest
from typer.testing import CliRunner

from api.auth.api_keys import SCOPES, create_key, revoke_key
from api.cli.doctor import examine
from api.settings import ServerConfig
from recsys.bundle import open_bundle, write_bundle
from recsys.cli.app import application
from recsys.threads import limit_threads
from tests.bench import machine
from tests.homes import copy_home

Serve = Callable[..., str]
# A new connection for each request, so that every worker gets some of them.
WEB = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=20)
READY_S = 90.0  # a busy machine may take long; how fast it is, the benchmark says


def recsys(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("recsys")), *words]


def clean_env(**more: str) -> dict[str, str]:
    """Without thread limits: setting them is the command's own task."""
    patient = {"RECSYS_SERVE_SHED_AFTER_MS": "60000"}  # on a machine that pauses for a moment nothing is shed
    return {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")} | patient | more


@pytest.fixture
def serve(home: Path) -> Iterator[Serve]:
    with starting(home) as start:
        yield start


@pytest.fixture(scope="module")
def alone(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One worker, started where a folder has the name of our package."""
    home = copy_home(trained_home, tmp_path_factory.mktemp("alone") / "home")
    (home / "api").mkdir()
    (home / "api" / "__init__.py").write_text("raise SystemExit('the wrong api')")
    with starting(home) as start:
        yield start()


@pytest.fixture(scope="module")
def key_file(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of the shop with two workers."""
    return copy_home(trained_home, tmp_path_factory.mktemp("pair") / "home") / "keys.json"


@pytest.fixture(scope="module")
def old_key(key_file: Path) -> str:
    return create_key(key_file, "old", ["read"], now_ms=1)[1]


@pytest.fixture(scope="module")
def key(key_file: Path) -> dict[str, str]:
    """The header of a key that may do everything."""
    return {"x-api-key": create_key(key_file, "new", SCOPES, now_ms=1)[1]}


@pytest.fixture(scope="module")
def pair(key_file: Path, old_key: str, key: dict[str, str]) -> Iterator[str]:
    """Two workers of one shop, which has keys and listens on every address."""
    with starting(key_file.parent) as start:
        yield start("--workers", "2", "--host", "0.0.0.0")


@contextmanager
def starting(home: Path) -> Iterator[Serve]:
    """Starts services on that home, which end with it."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str, env: dict[str, str] | None = None) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = recsys("--home", str(home), "serve", "--port", str(port), *options)
        running.append(subprocess.Popen(command, env=clean_env(**(env or {})), cwd=home))
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, n_workers=2 if "2" in options else 1)
        return url

    try:
        yield start
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(20)


def wait_until_ready(url: str, *, n_workers: int) -> None:
    ends = time.monotonic() + READY_S
    ready: set[str] = set()
    while time.monotonic() < ends and len(ready) < n_workers:
        try:
            answer = WEB.get(f"{url}/readyz")
        except httpx.TransportError:
            time.sleep(0.02)
            continue
        if answer.status_code == 200:
            ready.add(worker_of(answer))
    assert len(ready) == n_workers, f"{ready} are ready within {READY_S} s"


def worker_of(answer: httpx.Response) -> str:
    """The prefix of a request id is its worker's."""
    return str(answer.headers["x-request-id"]).split("-")[0]


def workers_seen(url: str, n: int) -> set[str]:
    return {worker_of(WEB.get(f"{url}/livez")) for _ in range(n)}


def test_it_gets_ready_with_one_thread_per_process_and_answers(alone: str) -> None:
    assert WEB.get(f"{alone}/readyz").json()["warnings"] == []
    answer = WEB.get(f"{alone}/v1/users/user-002/recommendations").json()
    assert len(answer["items"]) == 10


def test_two_workers_see_each_others_events_at_once(pair: str, key: dict[str, str]) -> None:
    assert len(workers_seen(pair, 60)) == 2
    question = f"{pair}/v1/users/newcomer/recommendations?placement=buy-again&k=1"
    for _ in range(20):
        assert WEB.get(question, headers=key).json()["fallback"] == "popular"
    event = {"user_id": "newcomer", "item_id": "item-009", "kind": "purchase"}
    assert WEB.post(f"{pair}/v1/events", json=event, headers=key).status_code == 202
    shown = [WEB.get(question, headers=key).json()["items"][0]["item_id"] for _ in range(20)]
    assert set(shown) == {"item-009"}


def test_metrics_of_two_workers_add_up(pair: str, key: dict[str, str]) -> None:
    """The route is one that no other test of these workers requests."""
    answers = [WEB.get(f"{pair}/v1/items/item-004/similar", headers=key) for _ in range(40)]
    assert len({worker_of(answer) for answer in answers}) == 2
    response = WEB.get(f"{pair}/metrics", headers=key).text.splitlines()
    assert 'recsys_requests_total{route="/v1/items/{item_id:path}/similar",status="200"} 40.0' in response
    assert "} 2.0" in next(line for line in response if "model_live{" in line)


def test_with_a_key_it_listens_on_every_address_and_a_revoked_key_stops_within_a_second(
    pair: str, key_file: Path, old_key: str, key: dict[str, str]
) -> None:
    question, old = f"{pair}/v1/users/user-002/recommendations", {"x-api-key": old_key}
    assert {WEB.get(question, headers=entry).status_code for entry in (old, key) for _ in range(20)} == {200}
    revoke_key(key_file, old_key.split("_")[1], now_ms=2)
    time.sleep(1.0)  # the promised limit
    answers = [WEB.get(question, headers=old) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {401}
    assert len({worker_of(answer) for answer in answers}) == 2
    assert WEB.get(question, headers=key).status_code == 200


@pytest.mark.slow
def test_a_limit_holds_over_both_workers(serve: Serve) -> None:
    limits = {"RECSYS_LIMITS_ADDRESS_PER_S": "0.000001", "RECSYS_LIMITS_ADDRESS_BURST": "30"}
    url = serve("--workers", "2", env=limits)
    answers = [WEB.get(f"{url}/v1/users/user-002/recommendations") for _ in range(60)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429] * 30
    assert len({worker_of(answer) for answer in answers[:30]}) == 2


def test_a_folder_named_api_where_it_is_run_does_not_take_its_place(alone: str) -> None:
    assert WEB.get(f"{alone}/livez").status_code == 200


def test_the_service_loads_no_polars_no_implicit_and_no_scikit_learn(alone: str) -> None:
    """The compiled parts of a library are in the memory of the process that loaded it."""
    pids = [pid for pid in machine.children(os.getpid()) if "api.server" in machine.command_of(pid)]
    assert pids
    for pid in pids:
        memory = Path(f"/proc/{pid}/maps").read_text()
        libraries = ("numpy", "_polars_runtime", "implicit", "pandas", "sklearn", "jaxlib")
        assert [name for name in libraries if f"/{name}" in memory] == ["numpy"]


def doctor(home: Path, ills: Mapping[str, str] = MappingProxyType({})) -> tuple[int, str]:
    """The command within this process: starting one costs more than all its checks."""
    limits: dict[str, str] = {"COLUMNS": "200"}
    limit_threads(limits)
    result = CliRunner().invoke(application(), ["--home", str(home), "doctor"], env={**limits, **ills})
    return result.exit_code, result.stdout


def test_the_doctor_finds_a_healthy_shop_healthy(home: Path) -> None:
    code, output = doctor(home)
    assert code == 0, output
    assert {line.split()[0] for line in output.splitlines()} == {"ok"}


ILLS = [
    ("threads", {"OMP_NUM_THREADS": "8"}, "set each to 1"),
    ("redis", {"RECSYS_REDIS_URL": "redis://127.0.0.1:1/0"}, "the service works without"),
    ("log", {"RECSYS_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "log_unavailable"),
]


def test_the_doctor_says_what_is_wrong_and_what_to_do(home: Path) -> None:
    code, output = doctor(home, {name: value for _, env, _ in ILLS for name, value in env.items()})
    assert code == 1
    assert output.count("wrong") == len(ILLS)
    assert [advice for _, _, advice in ILLS if advice not in output] == []


@pytest.mark.parametrize(("what", "env", "advice"), ILLS)
def test_one_problem_is_one_finding_of_the_doctor(home: Path, what: str, env: dict[str, str], advice: str) -> None:
    limits: dict[str, str] = {}
    limit_threads(limits)
    wrong = [check for check in examine(ServerConfig.load(home, None, limits | env)) if not check.is_ok]
    assert [check.name for check in wrong] == [what]
    assert advice in f"{wrong[0].result} {wrong[0].advice}"


def test_the_doctor_of_an_empty_home_says_train(tmp_path: Path) -> None:
    code, output = doctor(tmp_path / "new")
    assert code == 1
    assert "recsys train" in output


def test_the_doctor_sees_that_an_array_of_the_live_release_is_missing(home: Path) -> None:
    live = home / "bundles" / (home / "bundles" / "LIVE").read_text().strip()
    whole = open_bundle(live)
    arrays = {name: whole.array(name) for name in whole.names if name != "models/popularity/order"}
    made = whole.manifest.model_copy(update={"index": {}, "files": {}})
    write_bundle(home / "other", arrays, made)
    shutil.rmtree(live)
    (home / "other").rename(live)
    code, output = doctor(home)
    assert code == 1
    assert "models/popularity/order: missing" in " ".join(output.split())
    assert "train again" in " ".join(output.split())


def refused(home: Path, *options: str, **env: str) -> str:
    command = recsys("--home", str(home), "serve", *options)
    result = subprocess.run(command, capture_output=True, text=True, env=clean_env(**env), timeout=20)
    assert result.returncode == 1, result.stderr
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_named_in_a_line(home: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port} cannot be listened on" in refused(home, "--port", port, "--workers", workers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "nonsense"),
        ("DATABASE_URL", "mysql://x"),
        ("SERVE_HOST", "nonsense.invalid"),
        ("PLACEMENTS", "x"),
    ],
)
def test_a_problem_that_would_stop_every_worker_stops_the_command_with_one_line(
    home: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within this process, which the service would replace."""
    monkeypatch.setattr(os, "execve", lambda *words: pytest.fail("the service starts"))
    words = ["--home", str(home), "serve", "--port", "0"]
    result = CliRunner().invoke(application(), words, env={f"RECSYS_{name}": value})
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1), result.output
    assert "bad_settings: " in result.stderr

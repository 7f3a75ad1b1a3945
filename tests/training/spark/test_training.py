"""Training on Spark, for real in `local[2]`: the same data, the same statistics, and a bundle that a service opens."""

import shutil
import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import polars as pl
import pytest

from recsys.data.dataset.dataset import Dataset
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import BadFile, BadInput
from recsys.learning.backends.base import TrainingBackend
from recsys.learning.backends.native import NATIVE
from recsys.learning.recipe import Plan, read_recipe
from recsys.models.als import AlsModel
from recsys.progress import StepLog
from recsys.ranking.query import Query
from recsys.ranking.recommender import build_recommender
from recsys.testing import small_events, small_items
from recsys.time_units import DAY_MS
from training.job import TrainingOptions, train
from training.spark.settings import SparkSettings
from training.spark.training import exchange_folder, open_training

if TYPE_CHECKING:
    from s3fs import S3FileSystem

    from training.spark.training import SparkTraining

# The session ignores it, too, but pytest forgets that after the first test of the session.
pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")

SETTINGS = SparkSettings(master="local[2]", driver_memory="1g", slice_events=500)


def test_the_exchange_of_a_home_is_a_folder_of_its_own(tmp_path: Path) -> None:
    shared = SparkSettings(exchange=tmp_path / "shared")
    first, second = (exchange_folder(tmp_path / name, shared) for name in ("first", "second"))

    assert first.parent == second.parent == tmp_path / "shared"
    assert first != second
    assert exchange_folder(tmp_path / "first", SparkSettings()) == tmp_path / "first" / "spark"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(tmp_path_factory.mktemp("shop"), None)
    store.append(small_events(40))
    store.put_items(small_items())
    yield store
    store.close()


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[SparkTraining]":
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed; `make test-all` installs it")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17 or newer, and there is none on the PATH")
    home, jar = tmp_path_factory.mktemp("home"), _jdbc_driver()
    options = {} if jar is None else {"spark.jars": str(jar)}
    with open_training(home, SETTINGS.model_copy(update={"options": options})) as training:
        yield training


def _jdbc_driver() -> Path | None:
    """The driver of PostgreSQL, where Debian or Maven put it."""
    folders = (Path("/usr/share/java"), Path.home() / ".m2/repository/org/postgresql")
    return next((jar for folder in folders for jar in sorted(folder.rglob("postgresql-*.jar"))), None)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_recipe(None, validation_days=28, seed=0).plan


@pytest.fixture(scope="module")
def read(spark: "SparkTraining", store: Store) -> tuple[Snapshot, TrainingBackend]:
    return spark.read(store)


def _dataset(backend: TrainingBackend, snapshot: Snapshot, plan: Plan) -> Dataset:
    return backend.build_dataset(
        snapshot, now=snapshot.last_at, weight_by_kind=plan.weight_by_kind, never_show={}, unvouched_share=0.3
    )


@pytest.mark.slow
def test_spark_learns_what_the_native_engine_learns(read: tuple[Snapshot, TrainingBackend], plan: Plan) -> None:
    snapshot, backend = read
    native, spark = _dataset(NATIVE, snapshot, plan), _dataset(backend, snapshot, plan)
    for name in ("offsets", "item", "at", "weight", "kind"):
        np.testing.assert_array_equal(getattr(spark.data.histories, name), getattr(native.data.histories, name))
    np.testing.assert_allclose(spark.data.value, native.data.value)
    assert _same_groups(spark.data.basket, native.data.basket)
    for name, array in native.catalogue.arrays().items():
        np.testing.assert_array_equal(spark.catalogue.arrays()[name], array)

    names = ("popularity", "buy_again", "bought_together", "item_neighbours")
    learners = {name: plan.learners[name] for name in names}
    step = lambda name: nullcontext()  # noqa: E731
    rng = np.random.default_rng(0)
    models = backend.fit_all(learners, spark.data, rng, step, "")
    for name, model in NATIVE.fit_all(learners, native.data, rng, step, "").items():
        for part, array in model.arrays().items():
            np.testing.assert_allclose(models[name].arrays()[part], array, rtol=1e-5, err_msg=f"{name}/{part}")
    intervals, expected = (
        each.fit_repurchase_intervals(data.data.histories) for each, data in ((backend, spark), (NATIVE, native))
    )
    np.testing.assert_array_equal(intervals.gap_days, expected.gap_days)
    np.testing.assert_array_equal(intervals.first_at, expected.first_at)


@pytest.mark.slow
def test_events_of_a_folder_are_read_beside_the_log_and_none_counts_twice(
    spark: "SparkTraining", store: Store, tmp_path: Path
) -> None:
    (log,) = store.scan()
    lake = log.head(5).select("event_id", "user_id", "item_id", "at_ms", pl.lit("view").alias("kind"))
    further = lake.head(2).with_columns(pl.lit(None, pl.String).alias("event_id"), pl.lit("PURCHASE").alias("kind"))
    pl.concat([lake, further]).write_parquet(tmp_path / "lake.parquet")

    snapshot, _ = spark.with_sources(str(tmp_path)).read(store)

    assert len(snapshot.events) == len(log) + 2
    assert snapshot.events["is_vouched"].all()
    added = snapshot.events.filter(pl.col("user_id").is_in(further["user_id"].implode()), pl.col("order_id").is_null())
    assert added.filter(pl.col("kind") == int(Kind.PURCHASE))["quantity"].to_list() == [1.0, 1.0]


@pytest.mark.slow
def test_a_source_without_a_needed_column_is_refused_with_its_name(
    spark: "SparkTraining", store: Store, tmp_path: Path
) -> None:
    pl.DataFrame({"user": ["a"], "item_id": ["b"], "at_ms": [1]}).write_parquet(tmp_path / "lake.parquet")

    with pytest.raises(BadInput, match="there is no column user_id"):
        spark.with_sources(str(tmp_path)).read(store)
    with pytest.raises(BadFile, match="Spark cannot read it"):
        spark.with_sources(str(tmp_path / "nowhere")).read(store)


@pytest.mark.slow
def test_parquet_files_of_a_bucket_are_read_beside_the_log(
    spark: "SparkTraining", store: Store, bucket: "S3FileSystem"
) -> None:
    (log,) = store.scan()
    lake = log.head(6).select("user_id", "item_id", pl.lit(1_500_000_000_000).alias("at_ms"))
    for number in range(2):
        with bucket.open(f"shop/events/day-{number}/part-0.parquet", "wb") as file:
            lake[3 * number : 3 * number + 3].write_parquet(file)
    bucket.pipe("shop/events/readme.txt", b"not events")

    snapshot, _ = spark.with_sources("s3://shop/events").read(store)

    added = snapshot.events.filter(pl.col("at_ms") == 1_500_000_000_000)
    assert sorted(added["item_id"].to_list()) == sorted(lake["item_id"].to_list())
    assert len(snapshot.events) == len(log) + len(lake)


@pytest.mark.slow
def test_a_table_of_postgres_is_read_over_jdbc(
    spark: "SparkTraining", store: Store, empty_postgres: str, tmp_path: Path
) -> None:
    if _jdbc_driver() is None:
        pytest.skip("no JDBC driver of PostgreSQL here; Debian: apt install libpostgresql-jdbc-java")
    other = open_store(tmp_path, empty_postgres)
    other.append([Event("only-there", "user-000", "item-000", Kind.PURCHASE, 1_500_000_000_000)])
    other.close()
    folder = parse_qs(urlsplit(empty_postgres).query)["host"][0]

    with _tcp_port(f"{folder}/.s.PGSQL.5432") as port:
        address = f"jdbc:postgresql://127.0.0.1:{port}/postgres?user=postgres"
        snapshot, _ = spark.with_sources(address).read(store)

    assert snapshot.events.filter(pl.col("at_ms") == 1_500_000_000_000)["item_id"].to_list() == ["item-000"]


@contextmanager
def _tcp_port(socket_file: str) -> Iterator[int]:
    """A port that leads to that socket file: JDBC knows ports alone."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as database:
                database.connect(socket_file)
                back = Thread(target=pump, args=(database, self.request), daemon=True)
                back.start()
                pump(self.request, database)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def _same_groups(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether equal numbers in one are equal numbers in the other, with the same sign."""
    pairs = np.unique(np.stack((first, second)), axis=1)
    return bool((np.sign(first + 0.5) == np.sign(second + 0.5)).all()) and len(pairs[0]) == len(
        np.unique(first)
    ) == len(np.unique(second))


@pytest.mark.slow
def test_a_release_of_spark_passes_the_gate_and_answers(
    spark: "SparkTraining", store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_TRAIN_SPARE_SECONDS", "0")

    result = train(store, tmp_path, None, StepLog(), TrainingOptions(read=spark.read))

    assert result.verdict.outcome == "promoted"
    manifest, recommender = result.bundle.manifest, build_recommender(result.bundle, (), None)
    als = recommender.engine.models["als"]
    assert isinstance(als, AlsModel)
    assert manifest.engine == "spark"
    assert manifest.fold_in["als"] == als.fold_in
    assert als.base == 1.0
    assert als.pull == 0.0
    query = Query(round(manifest.now * DAY_MS), "home", 6, user_id="user-000")
    assert {int(item.item_id[-3:]) % 2 for item in recommender.recommend(query).items} == {0}  # their camp's items

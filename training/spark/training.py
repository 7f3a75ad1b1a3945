"""Training on Spark: events for driver and executors, and the backend that learns from them."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from recsys.data.dataset.dataset import read_events, without_trailing_outliers
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.store.base import Store
from recsys.errors import NotEnoughData
from recsys.learning.backends.base import TrainingBackend
from training.spark.backend import SparkBackend
from training.spark.session import spark_session
from training.spark.settings import SparkSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def open_training(home: Path, settings: SparkSettings) -> Iterator["SparkTraining"]:
    """A session with an empty folder for the exchange, both gone afterwards.  Raises BadSettings."""
    exchange = exchange_folder(home, settings)
    shutil.rmtree(exchange, ignore_errors=True)  # a training that was killed leaves it
    exchange.mkdir(parents=True)
    try:
        with spark_session(settings, exchange) as session:
            yield SparkTraining(session, exchange, settings.slice_events)
    finally:
        shutil.rmtree(exchange, ignore_errors=True)


def exchange_folder(home: Path, settings: SparkSettings) -> Path:
    """A folder of this home alone: others may share the exchange, and the folder is emptied."""
    if settings.exchange is None:
        return home.absolute() / "spark"
    digest = hashlib.blake2b(str(home.absolute()).encode(), digest_size=6).hexdigest()
    return settings.exchange.absolute() / f"recsys-{digest}"


class SparkTraining:
    """Reads a snapshot and makes the backend that learns from it."""

    def __init__(self, session: "SparkSession", exchange: Path, slice_events: int) -> None:
        self._session, self._exchange, self._slice_events = session, exchange, slice_events

    def read(self, store: Store) -> tuple[Snapshot, TrainingBackend]:
        """Everything up to now, as `read_snapshot`.  Raises NotEnoughData for an empty log."""
        from pyspark.sql import functions as sql

        head, folder = store.lineage().head, self._exchange / "events"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, frame in enumerate(store.scan(until_seq=head.seq)):
            read_events([frame]).write_parquet(folder / f"part-{number:06}.parquet")
        if not any(folder.iterdir()):
            raise NotEnoughData("the log is empty; import events with `recsys import events FILE`")
        events, n_late = without_trailing_outliers(pl.read_parquet(folder))
        last_ms = int(events["at_ms"].to_numpy().max())
        whole = self._session.read.parquet(str(folder)).withColumn("at_ms", sql.least("at_ms", sql.lit(last_ms)))
        items, users = list(store.items_since(0)), list(store.users())
        snapshot = Snapshot(events, items, head.seq, head.revision, n_late, users, log_id=head.log_id)
        return snapshot, SparkBackend(whole, self._exchange, self._slice_events)

"""Training on Spark: events for driver and executors, and the backend that learns from them."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from recsys.data.dataset.dataset import read_events, without_trailing_outliers
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA
from recsys.data.store.base import Store
from recsys.errors import NotEnoughData
from recsys.learning.backends.base import TrainingBackend
from training.spark.backend import SparkBackend
from training.spark.session import spark_session
from training.spark.settings import SparkSettings
from training.spark.sources import EVENT_ID, read_source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@contextmanager
def open_training(home: Path, settings: SparkSettings, sources: Sequence[str] = ()) -> Iterator["SparkTraining"]:
    """A session with an empty folder for the exchange, both gone afterwards.  Raises BadSettings."""
    exchange = exchange_folder(home, settings)
    shutil.rmtree(exchange, ignore_errors=True)  # a training that was killed leaves it
    exchange.mkdir(parents=True)
    try:
        with spark_session(settings, exchange) as session:
            yield SparkTraining(session, exchange, settings, sources)
    finally:
        shutil.rmtree(exchange, ignore_errors=True)


def exchange_folder(home: Path, settings: SparkSettings) -> Path:
    """A folder of this home alone: others may share the exchange, and the folder is emptied."""
    if settings.exchange is None:
        return home.absolute() / "spark"
    digest = hashlib.blake2b(str(home.absolute()).encode(), digest_size=6).hexdigest()
    return settings.exchange.absolute() / f"recsys-{digest}"


class SparkTraining:
    """Reads a snapshot and makes the backend that learns from it.

    sources: addresses of further events, see `read_source`; an event of the log with an id of theirs counts once.
    """

    def __init__(
        self, session: "SparkSession", exchange: Path, settings: SparkSettings, sources: Sequence[str]
    ) -> None:
        self._session, self._exchange, self._settings, self._sources = session, exchange, settings, sources

    def with_sources(self, *sources: str) -> "SparkTraining":
        """The same session for other sources."""
        return SparkTraining(self._session, self._exchange, self._settings, sources)

    def read(self, store: Store) -> tuple[Snapshot, TrainingBackend]:
        """Everything up to now, as `read_snapshot`.  Raises NotEnoughData without any event, BadInput, BadFile."""
        from pyspark.sql import functions as sql

        head, folder = store.lineage().head, self._exchange / "events"
        self._write_log(store, head.seq)
        self._all_events().drop(EVENT_ID).write.mode("overwrite").parquet(str(folder))
        given = pl.read_parquet(folder / "*.parquet")
        if given.is_empty():
            raise NotEnoughData("the log is empty; import events with `recsys import events FILE`")
        events, n_late = without_trailing_outliers(given)
        last_ms = int(events["at_ms"].to_numpy().max())
        whole = self._session.read.parquet(str(folder)).withColumn("at_ms", sql.least("at_ms", sql.lit(last_ms)))
        items, users, facts = list(store.items_since(0)), list(store.users()), store.recommendation_facts()
        snapshot = Snapshot(events, items, head.seq, head.revision, n_late, users, facts, log_id=head.log_id)
        return snapshot, SparkBackend(whole, self._exchange, self._settings.slice_events)

    def _write_log(self, store: Store, until_seq: int) -> None:
        """The log as Parquet files, a page at a time."""
        folder = self._exchange / "log"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        ids = pl.col(EVENT_ID)
        empty = pl.DataFrame(schema=EVENT_SCHEMA)
        for number, frame in enumerate((empty, *store.scan(until_seq=until_seq))):
            rows = read_events([frame]).with_columns(frame.select(ids).to_series())
            rows.write_parquet(folder / f"part-{number:06}.parquet")

    def _all_events(self) -> "DataFrame":
        """Those of the log that no source holds, and those of the sources."""
        events = self._session.read.parquet(str(self._exchange / "log"))
        for number, address in enumerate(self._sources):
            spool = self._exchange / f"source-{number}"
            further = read_source(self._session, address, self._settings.jdbc_table, spool)
            events = events.join(further.select(EVENT_ID), EVENT_ID, "left_anti").unionByName(further)
        return events

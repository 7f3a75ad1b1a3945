"""Event sources of a training on Spark beside the log: Parquet folders, object storage, and tables over JDBC."""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from recsys.config import spelling_hint
from recsys.data.dataset.dataset import COLUMNS
from recsys.data.dataset.influence import IS_VOUCHED
from recsys.data.events import BROWSER_PREFIX, EVENT_SCHEMA, KIND_BY_NAME, Kind
from recsys.errors import BadFile, BadInput, BadSettings
from recsys.redaction import redacted
from training.sources.objects import ObjectSource

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

JDBC, POSTGRES, POSTGRES_DRIVER = "jdbc:", "jdbc:postgresql:", "org.postgresql.Driver"
NO_DRIVER = (
    "the JDBC driver of PostgreSQL is not here; apt install libpostgresql-jdbc-java on Debian, or name its file: "
    '[spark] options = { "spark.jars" = "/path/postgresql.jar" }'
)
FETCHED_ROWS = 50_000  # at a time over JDBC
COPIED = ("s3://", "memory://", "http://", "https://")
REQUIRED = ("user_id", "item_id", "at_ms")
DEFAULTS = {"kind": int(Kind.PURCHASE), "quantity": 1.0}
EVENT_ID = "event_id"


def read_source(session: "SparkSession", address: str, table: str, spool: Path) -> "DataFrame":
    """The events at that address with the columns that learning needs, and event_id; null where the source has none.

    `jdbc:postgresql://...` is read by Spark from `table`; `s3://` is copied below `spool` with fsspec; everything else
    (a folder that all executors see, `s3a://`, `hdfs://`) is Parquet that Spark reads itself.
    Raises BadInput for missing columns, BadFile for what cannot be read.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        if address.startswith(JDBC):
            reader = session.read.format("jdbc").option("url", address).option("dbtable", table)
            reader = reader.option("fetchsize", FETCHED_ROWS)  # without it the driver holds the whole table
            if address.startswith(POSTGRES):
                reader = reader.option("driver", POSTGRES_DRIVER)  # of `spark.jars`: not found by URL
            frame = reader.load()
        else:
            path = _copied(address, spool) if address.startswith(COPIED) else address
            frame = session.read.parquet(path)
    except (PySparkException, Py4JJavaError) as error:
        java = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else None
        raise unreadable(address, str(java or error)) from None
    return _normalized(frame, redacted(address))


def unreadable(address: str, reason: str) -> BadFile | BadSettings:
    """The error for what Spark says about that address."""
    if reason.strip() == POSTGRES_DRIVER:  # all that Java says about a class that it does not find
        return BadSettings(f"{redacted(address)}: {NO_DRIVER}")
    first_line = redacted(reason.strip().partition("\n")[0], address)
    return BadFile(f"{redacted(address)}: Spark cannot read it ({first_line})")


def _normalized(frame: "DataFrame", label: str) -> "DataFrame":
    """The columns that learning needs, of their types.  Raises BadInput."""
    from pyspark.sql import functions as sql

    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        hint = spelling_hint(missing[0], frame.columns)
        raise BadInput(
            f"{label}: there is no column {missing[0]}; {hint}; name them as the log does: user_id, item_id, at_ms"
        )
    event_id = sql.col(EVENT_ID).cast("string") if EVENT_ID in frame.columns else sql.lit(None).cast("string")
    vouched = ~sql.coalesce(event_id, sql.lit("")).startswith(BROWSER_PREFIX)
    columns = [_column(frame, name).alias(name) for name in COLUMNS]
    rows = frame.select(*columns, vouched.alias(IS_VOUCHED), event_id.alias(EVENT_ID))
    return rows.where(sql.col("user_id").isNotNull() & sql.col("item_id").isNotNull() & sql.col("at_ms").isNotNull())


def _column(frame: "DataFrame", name: str) -> "Column":
    """The column, its default where the source has none or a row has no value; kinds may be words."""
    from pyspark.sql import functions as sql

    if name not in frame.columns:
        return sql.lit(DEFAULTS.get(name)).cast(_type(name))
    column = sql.col(name)
    if name == "kind" and dict(frame.dtypes)[name] == "string":
        numbers = [part for word, kind in KIND_BY_NAME.items() for part in (sql.lit(word), sql.lit(int(kind)))]
        column = sql.create_map(*numbers)[sql.lower(column)]
    typed = column.cast(_type(name))
    return sql.coalesce(typed, sql.lit(DEFAULTS[name]).cast(_type(name))) if name in DEFAULTS else typed


def _type(name: str) -> str:
    """The type of Spark for a column of the log."""
    types: dict[type[pl.DataType], str] = {pl.Int8: "byte", pl.Int64: "long", pl.Float64: "double"}
    return types.get(EVENT_SCHEMA[name], "string")


def _copied(address: str, spool: Path) -> str:
    """A folder with the Parquet files below that address, or those that match its `*`.

    Raises BadFile, BadInput, BadSettings.
    """
    source = ObjectSource(address)
    files, path = source.file_system()
    spool.mkdir(parents=True, exist_ok=True)
    with source.errors():
        names = files.glob(path) if "*" in path else files.find(path)
        names = [name for name in names if name.endswith(".parquet")]
        for number, name in enumerate(names):
            files.get_file(name, str(spool / f"part-{number:06}.parquet"))
    if not names:
        raise BadFile(f"{source.label}: there is no object that ends in .parquet")
    return str(spool)

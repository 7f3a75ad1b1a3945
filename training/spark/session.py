"""Spark session: started for one training and stopped after it, with clear words where Spark cannot run."""

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import BadSettings
from recsys.threads import available_cores
from training.spark.settings import SparkSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NO_JAVA = (
    "Spark needs Java 17 or newer, and none starts here; install one (Debian: apt install openjdk-17-jre-headless)"
)
PARTITIONS_PER_CORE = 2  # of a shuffle on one machine; Spark's own default, 200, is for a cluster
DEBIAN_DRIVER = Path("/usr/share/java/postgresql.jar")  # of libpostgresql-jdbc-java: reads PostgreSQL over JDBC
WHOLE_FILE = str(2**31 - 1)  # bytes: a slice is one file with one group of rows, so that no customer is in two tasks


@contextmanager
def spark_session(settings: SparkSettings, exchange: Path) -> "Iterator[SparkSession]":
    """The session.  Raises BadSettings without Java, and for options that Spark refuses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")  # the tables here are Arrow's
        session = _started(settings, exchange)
        try:
            yield session
        finally:
            session.stop()


def _started(settings: SparkSettings, exchange: Path) -> "SparkSession":
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("recsys train").master(settings.master)
    for name, value in (_defaults(settings, exchange) | settings.options).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except PySparkRuntimeError as error:
        if "JAVA" in str(error.getCondition()):
            raise BadSettings(f"{NO_JAVA}; JAVA_HOME names one that is not on the PATH") from None
        raise BadSettings(f"[spark] master = {settings.master!r}: {error}") from None
    if _is_local(settings):
        session.sparkContext.pythonExec = sys.executable
    session.sparkContext.setCheckpointDir(str(exchange / "checkpoints"))
    return session


def _is_local(settings: SparkSettings) -> bool:
    return settings.master.startswith("local")


def _local_cores(master: str) -> int:
    """Cores of `local`, `local[2]`, `local[*]`, `local[2, 3]`."""
    number = re.match(r"local\[(\d+)", master)
    return int(number[1]) if number else available_cores() if "*" in master else 1


def _defaults(settings: SparkSettings, exchange: Path) -> dict[str, str]:
    """Options below those of the settings file."""
    options = {
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.maxResultSize": "0",  # what comes back is as large as the bundle
        "spark.log.level": "ERROR",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.files.maxPartitionBytes": WHOLE_FILE,
        "spark.hadoop.parquet.block.size": WHOLE_FILE,
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1000000",
    }
    if DEBIAN_DRIVER.exists():
        options["spark.jars"] = str(DEBIAN_DRIVER)
    if _is_local(settings):
        options |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(exchange / "local"),
            "spark.sql.shuffle.partitions": str(PARTITIONS_PER_CORE * _local_cores(settings.master)),
        }
    return options

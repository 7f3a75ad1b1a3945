"""Spark settings: `[spark]` of `recsys.toml`, `RECSYS_SPARK_*`."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from recsys.config import SettingsSection


class SparkSettings(SettingsSection):
    """Where Spark runs, and what it may take."""

    section: ClassVar[str] = "spark"

    master: str = Field(
        default="local[*]",
        description="where Spark runs: local[2], spark://HOST:7077, yarn, k8s://https://HOST:6443",
    )
    driver_memory: str = Field(default="4g", description="heap of the driver's Java process; the arrays come on top")
    exchange: Path | None = Field(
        default=None,
        description="folder for what driver and executors exchange, at the same path on all; default: HOME/spark",
    )
    jdbc_table: str = Field(
        default="recsys.events", description="table or (query) AS name that `--events jdbc:...` reads"
    )
    slice_events: int = Field(
        default=2_000_000, ge=1, description="events of one slice of customers, the unit of work of an executor"
    )
    options: dict[str, str] = Field(
        default={}, description='further options of Spark, such as {"spark.executor.memory" = "8g"}'
    )

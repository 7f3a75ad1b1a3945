"""Start of a training on Spark: the door that stands without the extra `spark`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import BadSettings

if TYPE_CHECKING:
    from training.spark.training import SparkTraining

LIBRARIES = ("pyspark", "pyarrow")


def spark_training(
    home: Path, file: Path | None, sources: Sequence[str] = ()
) -> "AbstractContextManager[SparkTraining]":
    """A session for one training.  sources: addresses of events beside the log.

    Raises BadSettings without the extra `spark` or without Java.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise BadSettings(f"--engine spark: {missing[0]} is not here; pip install 'recsys-shop[spark]'")
    from training.spark.settings import SparkSettings
    from training.spark.training import open_training

    return open_training(home, SparkSettings.load(file), sources)

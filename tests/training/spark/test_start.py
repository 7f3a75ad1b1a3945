"""Start of a training on Spark: what is said where the extra is not installed."""

from pathlib import Path

import pytest

import training.spark.start as start
from recsys.errors import BadSettings


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None)

    with pytest.raises(BadSettings, match=r"pyspark is not here; pip install 'recsys-shop\[spark\]'"):
        start.spark_training(tmp_path, None)

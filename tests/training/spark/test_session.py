"""Spark session: options of one machine, below those of the settings file."""

from pathlib import Path

import pytest

import training.spark.session as session
from training.spark.session import _defaults
from training.spark.settings import SparkSettings


@pytest.mark.parametrize(("master", "partitions"), [("local", "2"), ("local[3]", "6"), ("local[4, 2]", "8")])
def test_a_shuffle_on_one_machine_has_two_partitions_for_each_core(
    master: str, partitions: str, tmp_path: Path
) -> None:
    assert _defaults(SparkSettings(master=master), tmp_path)["spark.sql.shuffle.partitions"] == partitions


def test_all_cores_are_counted_and_a_cluster_keeps_the_partitions_of_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "available_cores", lambda: 5)

    assert _defaults(SparkSettings(), tmp_path)["spark.sql.shuffle.partitions"] == "10"
    assert "spark.sql.shuffle.partitions" not in _defaults(SparkSettings(master="yarn"), tmp_path)


def test_the_jdbc_driver_of_debian_is_given_to_spark_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = tmp_path / "postgresql.jar"
    monkeypatch.setattr(session, "DEBIAN_DRIVER", driver)
    assert "spark.jars" not in _defaults(SparkSettings(), tmp_path)

    driver.touch()

    assert _defaults(SparkSettings(), tmp_path)["spark.jars"] == str(driver)

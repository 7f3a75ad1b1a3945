"""Event sources of a training on Spark: copies from object storage, and errors of what cannot be read."""

from pathlib import Path

import pytest

from recsys.errors import BadFile, BadInput, BadSettings
from training.spark.sources import POSTGRES_DRIVER, _copied, unreadable


def test_parquet_objects_below_an_address_are_copied_and_others_are_not(tmp_path: Path) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    files = MemoryFileSystem()
    for name in ("2026/a.parquet", "2026/b.parquet", "2025/c.parquet", "2026/readme.txt"):
        files.pipe(f"/lake/{name}", name.encode())

    def copied(address: str) -> set[bytes]:
        return {file.read_bytes() for file in Path(_copied(address, tmp_path / address[-5:])).iterdir()}

    assert copied("memory://lake") == {b"2026/a.parquet", b"2026/b.parquet", b"2025/c.parquet"}
    assert copied("memory://lake/2026/*.parquet") == {b"2026/a.parquet", b"2026/b.parquet"}


def test_an_address_without_a_parquet_object_and_one_of_no_storage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"memory://nothing: there is no object that ends in \.parquet"):
        _copied("memory://nothing", tmp_path)
    with pytest.raises(BadInput, match="nowhere://bucket"):
        _copied("nowhere://bucket", tmp_path)


def test_a_missing_jdbc_driver_is_named_with_the_package_that_has_it() -> None:
    error = unreadable("jdbc:postgresql://shop:secret@db/shop", POSTGRES_DRIVER)

    assert isinstance(error, BadSettings)
    assert "apt install libpostgresql-jdbc-java" in str(error)
    assert "spark.jars" in str(error)
    assert "secret" not in str(error)


def test_what_spark_says_is_one_line_without_the_password() -> None:
    error = unreadable("jdbc:postgresql://db/shop?password=secret", "FATAL: no such role\nat java.lang...")

    assert isinstance(error, BadFile)
    assert str(error) == "jdbc:postgresql://db/shop?password=***: Spark cannot read it (FATAL: no such role)"

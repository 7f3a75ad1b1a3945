"""Objects in S3 as a source: each content comes in once."""

import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from training.sources.objects import ObjectSource

if TYPE_CHECKING:
    from s3fs import S3FileSystem


def put(bucket: "S3FileSystem", name: str, *users: str) -> None:
    content = BytesIO()
    pl.DataFrame({"user_id": users, "item_id": ["i"] * len(users), "at": ["2023-01-01"] * len(users)}).write_parquet(
        content
    )
    bucket.pipe_file(f"shop/{name}", content.getvalue())


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "import", "events", "--kind", "view", *words])


def accepted(home: Path, *words: str) -> dict[str, int]:
    result = run(home, *words, "--json")
    assert result.exit_code == 0, result.output
    return {file["file"]: file["accepted"] for file in json.loads(result.stdout)["files"]}


def test_new_and_changed_objects_come_in_once(bucket: "S3FileSystem", tmp_path: Path) -> None:
    put(bucket, "days/1.parquet", "a", "b")
    put(bucket, "days/2.parquet", "c")
    bucket.pipe_file("shop/days/notes.txt", b"no data")
    words = ("--from", "s3://shop/days/*.parquet")
    assert accepted(tmp_path, *words) == {"s3://shop/days/1.parquet": 2, "s3://shop/days/2.parquet": 1}
    put(bucket, "days/2.parquet", "c", "d")
    put(bucket, "days/3.parquet", "e")
    assert accepted(tmp_path, *words) == {"s3://shop/days/2.parquet": 1, "s3://shop/days/3.parquet": 1}
    assert accepted(tmp_path, *words) == {}
    assert len(accepted(tmp_path, "--from", "s3://shop/days")) == 3  # a prefix is another source


def test_an_address_without_objects_is_an_error(bucket: "S3FileSystem", tmp_path: Path) -> None:
    for address in ("s3://shop/days/*.csv", "s3://none/*.csv", "gopher://shop/a.csv"):
        result = run(tmp_path, "--from", address)
        assert (result.exit_code, address in result.stderr) == (1, True), result.stderr


def test_other_object_stores_go_by_size_and_time(tmp_path: Path) -> None:
    from training.sources.objects import _fingerprint

    before = _fingerprint({"size": 3, "mtime": 1.0})
    assert before != _fingerprint({"size": 3, "mtime": 2.0})
    assert _fingerprint({"size": 3, "ETag": '"x"', "LastModified": 1}) == _fingerprint(
        {"size": 3, "ETag": '"x"', "LastModified": 2}
    )
    assert ObjectSource("s3://key:word@shop/a").label == "s3://key:***@shop/a"


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

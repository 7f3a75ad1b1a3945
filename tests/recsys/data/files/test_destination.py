"""Destination of an export: a real S3-compatible server gets whole files only, and errors say what to do."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recsys.data.files import destination as module
from recsys.data.files.destination import Destination, drop_unfinished
from recsys.errors import BadFile, BadInput

if TYPE_CHECKING:
    from s3fs import S3FileSystem


def file_of(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_file_goes_to_s3_and_replaces_the_one_before(bucket: "S3FileSystem", tmp_path: Path) -> None:
    for content in (b"one", b"another", b""):
        Destination("s3://shop/lists/today.csv").publish(file_of(tmp_path / "whole", content))
        bucket.invalidate_cache()
        assert bucket.cat_file("shop/lists/today.csv") == content


def test_a_large_file_is_sent_in_parts(bucket: "S3FileSystem", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "S3_PART_BYTES", 5 * 2**20)
    content = os.urandom(11 * 2**20)
    Destination("s3://shop/large.parquet").publish(file_of(tmp_path / "whole", content))
    assert bucket.cat_file("shop/large.parquet") == content
    assert "-" in bucket.info("shop/large.parquet")["ETag"]  # as S3 marks what came in parts


def test_what_s3_refuses_names_the_address_and_leaves_nothing(bucket: "S3FileSystem", tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"s3://none/today.csv: cannot be written \(.*bucket.*AWS_"):
        Destination("s3://none/today.csv").publish(file_of(tmp_path / "whole", b"x"))


def test_a_broken_upload_leaves_the_object_of_before(
    bucket: "S3FileSystem", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "S3_PART_BYTES", 5 * 2**20)
    destination = Destination("s3://shop/today.csv")
    destination.publish(file_of(tmp_path / "before", b"before"))
    cut = file_of(tmp_path / "cut", os.urandom(11 * 2**20))
    upload = type(bucket)._call_s3

    async def broken(self: "S3FileSystem", method: str, *words: object, **more: object) -> object:
        if method == "upload_part" and more["PartNumber"] == 2:
            raise OSError("the line broke")
        return await upload(self, method, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(bucket), "_call_s3", broken)
        with pytest.raises(BadFile, match="the line broke"):
            destination.publish(cut)
    bucket.invalidate_cache()
    assert bucket.cat_file("shop/today.csv") == b"before"
    assert not bucket.call_s3("list_multipart_uploads", Bucket="shop").get("Uploads")


@pytest.mark.parametrize("name", ["gs://shop/a.csv", "s3://shop.csv", "s3:///a.csv", "http://shop/a.csv"])
def test_other_addresses_are_refused_before_any_work(name: str) -> None:
    with pytest.raises(BadInput, match="s3://BUCKET/NAME"):
        Destination(name).check()


def test_what_broken_exports_left_in_a_home_is_deleted(tmp_path: Path) -> None:
    folder = Destination("s3://shop/a.csv").work_folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "part-000000").write_bytes(b"user-1")
    drop_unfinished(tmp_path)
    assert not folder.exists()
    drop_unfinished(tmp_path / "new")

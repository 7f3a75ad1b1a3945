"""Uploads: kept privately with a safe name, bounded in size, number and time, and gone with an erasure."""

import io
from pathlib import Path

import pytest

from recsys.data.uploads import MOST_WAITING, UPLOADS, UploadFolder, drop_uploads
from recsys.errors import BadInput
from recsys.time_units import DAY_MS


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path, 100)


def sent(uploads: UploadFolder, name: str = "a.csv", content: bytes = b"x", at_ms: int = 0) -> str:
    return uploads.receive(name, io.BytesIO(content), at_ms).token


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/a.csv", "a.csv"),
        ("C:\\x\\b.CSV", "b.CSV"),
        ("--map.csv", "map.csv"),
        ("Größe $1;.csv", "Größe _1_.csv"),
    ],
)
def test_a_name_is_no_path_and_no_option(uploads: UploadFolder, name: str, kept: str) -> None:
    upload = uploads.get(sent(uploads, name))
    assert (upload.name, upload.file.read_bytes()) == (kept, b"x")
    private = (upload.folder.parent, upload.folder, upload.file)
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [("a.exe", b"x", "no kind that is read"), ("a.csv", b"", "is empty"), ("a.csv", b"x" * 101, "larger than")],
)
def test_what_is_refused_leaves_nothing(uploads: UploadFolder, name: str, content: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        sent(uploads, name, content)
    assert list((uploads.home / UPLOADS).glob("*")) == []


def test_only_some_wait_and_none_longer_than_a_day(uploads: UploadFolder) -> None:
    first = sent(uploads)
    for _ in range(MOST_WAITING - 1):
        sent(uploads, at_ms=DAY_MS)
    with pytest.raises(BadInput, match="waiting already"):
        sent(uploads, at_ms=DAY_MS)
    sent(uploads, at_ms=DAY_MS + 1)
    with pytest.raises(BadInput, match="is gone"):
        uploads.get(first)


def test_an_erasure_removes_all_of_them(uploads: UploadFolder) -> None:
    token = sent(uploads)
    uploads.get(token).write("look", {"a": 1})
    assert uploads.get(token).read("look") == {"a": 1}
    drop_uploads(uploads.home)
    assert list(uploads.all()) == []
    with pytest.raises(BadInput, match="is gone"):
        uploads.get("../../../etc")

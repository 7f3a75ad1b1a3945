"""A member of a ZIP archive is read like a file of its own."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from recsys.data.files.readers import data_files, open_table
from recsys.errors import BadFile


def archive(path: Path, **members: str) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name.replace("_", "."), text)
    return path


def test_the_only_data_file_of_an_archive_needs_no_name(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", orders_csv="u,i\n1,2\n", readme_txt="hello", **{"__MACOSX/orders_csv": "x"})
    assert data_files(path) == [path / "orders.csv"]
    (chunk,) = open_table(path).chunks(10)
    assert chunk.rows.rows() == [("1", "2")]
    assert 0 < chunk.position <= path.stat().st_size


def test_of_several_files_one_is_named_as_if_the_archive_were_a_folder(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", a_csv="u,i\n1,2\n", b_jsonl='{"u": 3}\n')
    with pytest.raises(BadFile, match=r"holds 2 files: a.csv, b.jsonl; name one, such as .*a.zip/a.csv"):
        open_table(path)
    (chunk,) = open_table(path / "b.jsonl").chunks(10)
    assert chunk.rows.rows() == [(3,)]
    with pytest.raises(BadFile, match=r"no such file in the archive"):
        open_table(path / "c.csv")


def test_an_archive_without_data_and_one_that_is_none_say_so(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="holds no file whose name ends with .*, only readme.txt"):
        data_files(archive(tmp_path / "a.zip", readme_txt="hello"))
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(BadFile, match="cannot be read to its end"):
        data_files(tmp_path / "b.zip")


def test_an_archive_does_not_lead_to_a_file_outside_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("u,i\n1,2\n")
    with ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(str(tmp_path / "secret.csv"), "u,i\n")
    with pytest.raises(BadFile, match="secret.csv', a path outside of the archive"):
        open_table(tmp_path / "a.zip")


def test_a_bomb_in_an_archive_ends_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file, file.open("a.csv", "w") as member:
        member.write(b"u,i\n")
        for _ in range(260):
            member.write((b"a" * 65_535 + b"\n") * 16)
    with pytest.raises(BadFile, match="expands to more than 200 times its size"):
        list(open_table(path).chunks(50_000))

"""Customers of an export: files of ids, and segments as they are written on the command line."""

from pathlib import Path

import pytest

from api.export.customers import chosen_customers, parse_segment
from recsys.errors import BadFile, BadInput
from recsys.ranking.filters.parser import parse_filter


def ids(file: Path) -> list[str]:
    return list(chosen_customers(file).user_ids(None))  # type: ignore[arg-type]  # a file needs no store


def test_a_text_file_has_an_id_a_line(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes("\ufeffb\r\na\n\n  c,d \nb\n".encode())
    assert ids(file) == ["b", "a", "c,d"]


def test_a_table_has_a_column_of_ids(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("name,user_id\nx,007\ny,8\nz,007\n")
    assert ids(tmp_path / "ids.csv") == ["007", "8"]
    (tmp_path / "ids.jsonl").write_text('{"user_id":"a"}\n{"user_id":null}\n{"user_id":"b"}\n')
    assert ids(tmp_path / "ids.jsonl") == ["a", "b"]


def test_a_file_without_ids_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("userid\n7\n")
    with pytest.raises(BadInput, match=r"no column user_id.*userid.*\.txt"):
        ids(tmp_path / "ids.csv")
    (tmp_path / "ids.txt").write_bytes(b"a\n\xff\n")
    with pytest.raises(BadFile, match="not UTF-8"):
        ids(tmp_path / "ids.txt")
    with pytest.raises(BadFile, match="missing.txt: cannot be read"):
        chosen_customers(tmp_path / "missing.txt")


def test_another_content_is_another_choice(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("a\n")
    before = chosen_customers(file).text
    file.write_text("b\n")
    assert chosen_customers(file).text != before


def test_a_file_beside_a_filter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="leave --segment and --where out"):
        chosen_customers(tmp_path / "ids.txt", where=parse_filter({"age": "x"}))


def test_a_segment_is_written_as_name_and_values() -> None:
    assert parse_segment(["age=18-24, 25-34", "country=AT"]) == {"age": ["18-24", "25-34"], "country": ["AT"]}
    for wrong in ("age", "=x", "age="):
        with pytest.raises(BadInput, match="NAME=VALUE"):
            parse_segment([wrong])

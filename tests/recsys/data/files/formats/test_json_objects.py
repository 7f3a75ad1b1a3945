"""JSON documents: an array, or objects over several lines, give an object for each row."""

import json
from pathlib import Path
from typing import Any

import pytest

from recsys.data.files.formats.limits import MAX_LINE
from recsys.data.files.readers import open_table
from recsys.errors import BadFile

ROWS: list[dict[str, Any]] = [{"u": "1", "t": '["}{', "n": {"a": [1, {}]}}, {"u": "2", "t": 'x\\"\n', "n": None}]
DOCUMENTS = {
    "array.json": json.dumps(ROWS),
    "array.jsonl": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "pretty-array.json": json.dumps(ROWS, indent=2),
    "pretty.jsonl": "\n".join(json.dumps(row, indent=1) for row in ROWS),
    "lines.json": "\n".join(map(json.dumps, ROWS)),
    "response.json": json.dumps({"orders": ROWS, "next": [{"u": "3"}]}),
    "marked.json": "\ufeff" + json.dumps(ROWS),
    "put-together.json": "\n".join(json.dumps([row]) for row in ROWS),
}


def read(path: Path) -> tuple[list[object], list[int], list[str]]:
    chunks = [*open_table(path).chunks(1)]
    broken = [bad.reason for chunk in chunks for bad in chunk.broken]
    return [cell for chunk in chunks for cell in chunk.rows["t"]], [n for chunk in chunks for n in chunk.lines], broken


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_object_is_a_row(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(DOCUMENTS[name])
    assert read(tmp_path / name)[0] == [row["t"] for row in ROWS]
    assert read(tmp_path / name)[2] == []


def test_a_row_has_the_line_at_which_its_object_begins(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(DOCUMENTS["pretty-array.json"])
    assert read(tmp_path / "a.json")[1] == [2, 12]


def test_objects_before_one_that_breaks_off_are_rows(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"t": 1}, {"t": 2}, {"t": ')
    assert read(tmp_path / "a.json") == ([1, 2], [1, 1], ["is no whole object"])


def test_an_object_that_is_too_long_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"t": 1},\n{"t": "' + "x" * 2 * MAX_LINE)
    with pytest.raises(BadFile, match="line 2 begins an object of more than"):
        read(tmp_path / "a.json")


def test_nan_of_python_is_no_value_and_a_whole_number_has_no_fraction(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"t": NaN}\n{"t": 2.0}\n{"t": "x"}\n')
    (chunk,) = open_table(tmp_path / "a.jsonl").chunks(10)
    assert chunk.rows["t"].to_list() == [None, "2", "x"]

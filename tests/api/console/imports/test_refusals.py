"""Refused lines as CSV: all columns, formulas as text, and no file outside the folder of refused lines."""

from pathlib import Path

import orjson
import pytest

from api.console.imports.refusals import refusal_files, refusals_csv
from recsys.errors import BadInput

LINES = [
    {"line": 2, "reason": "no item_id", "row": {"user_id": "=cmd()", "n": 1.5, "tags": ["a"]}, "read": {}},
    {"line": 5, "reason": "the line does not parse", "row": {"text": 'a,"b', "why": "quote"}, "read": None},
]


def test_refused_lines_keep_every_cell_and_no_formula(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, LINES)) + b"\n")
    text = b"".join(refusals_csv([file])).decode()
    assert text.splitlines() == [
        "line,reason,user_id,n,tags,text,why",
        '2,no item_id,\'=cmd(),1.5,"[""a""]",,',
        '5,the line does not parse,,,,"a,""b",quote',
    ]


def test_only_files_of_refused_lines_are_read(tmp_path: Path) -> None:
    kept = tmp_path / "rejects" / "a.jsonl"
    kept.parent.mkdir()
    kept.touch()
    other = tmp_path / "keys.json"
    other.touch()
    report = {"files": [{"rejects_file": str(each)} for each in (kept, other)]}
    assert refusal_files(tmp_path, report) == [kept]
    with pytest.raises(BadInput, match="deleted by now"):
        refusal_files(tmp_path, {"files": [{"rejects_file": None}]})

"""A workbook is read with its types, by a process whose memory is limited."""

import subprocess
from datetime import date, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from recsys.data.files.column_mapping import text_of
from recsys.data.files.readers import open_table
from recsys.errors import BadFile
from tests.workbooks import MAIN, sheet_xml, write_sheets, write_workbook

ORDERS: list[list[object]] = [
    ["Orders of the shop"],
    [],
    ["customer", "sku", "at", "day", "paid", "ok"],
    [100.0, "00123", datetime(2024, 1, 31, 18, 30), date(2024, 1, 31), 12.5, True],
    [],
    [101, 'a "b", c', None, date(2024, 2, 1), 3, False],
    [None, None, None, None, None, None],
]


def test_a_sheet_has_typed_cells_and_the_numbers_of_its_rows(tmp_path: Path) -> None:
    table = open_table(write_workbook(tmp_path / "a.xlsx", {"Orders": ORDERS, "Other": [["x"], [1]]}))
    assert table.columns == ("customer", "sku", "at", "day", "paid", "ok")
    (chunk,) = table.chunks(10)
    assert chunk.lines == [4, 6]
    assert chunk.rows.rows() == [
        (100, "00123", "2024-01-31T18:30:00", "2024-01-31", 12.5, True),
        (101, 'a "b", c', None, "2024-02-01", 3.0, False),
    ]
    assert text_of(chunk.rows["customer"]).to_list() == ["100", "101"]


def test_another_sheet_is_read_by_its_name(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"Orders": ORDERS, "Other": [["x"], [1], [2]]})
    table = open_table(path, sheet="Other")
    assert (table.columns, [chunk.rows["x"].to_list() for chunk in table.chunks(1)]) == (("x",), [[1], [2]])
    with pytest.raises(BadFile, match="has no sheet 'Orderz'; it has Orders, Other"):
        open_table(path, sheet="Orderz")


def test_a_number_of_which_the_workbook_lost_digits_says_that_it_was_rounded(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"a": [["ean", "n"], [4006381333931, 1], [1234567890123456789.0, 2]]})
    (chunk,) = open_table(path).chunks(10)
    assert chunk.rows["ean"].to_list() == ["4006381333931", "1.23456789012346E+18"]


def test_a_row_that_goes_beyond_the_header_is_broken(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"a": [["u", "i"], [1, 2], [3, 4, 5], [6, 7]]})
    (chunk,) = open_table(path).chunks(10)
    assert [(bad.line, bad.reason) for bad in chunk.broken] == [(3, "has cells to the right of the last column's name")]
    assert chunk.rows["u"].to_list() == [1, 6]


@pytest.mark.parametrize(("content", "says"), [(b"PK", "a.xlsx: "), (b"", "a.xlsx: ")])
def test_a_file_that_is_no_workbook_says_so(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(BadFile, match=says):
        open_table(tmp_path / "a.xlsx")


def test_an_empty_sheet_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="the sheet is empty; name another with --sheet"):
        open_table(write_workbook(tmp_path / "a.xlsx", {"a": []}))


def test_two_cells_far_from_each_other_do_not_take_the_memory_of_all_between(tmp_path: Path) -> None:
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    xml = f'<worksheet xmlns="{MAIN}"><sheetData>{far}</sheetData></worksheet>'
    with pytest.raises(BadFile, match="takes more than 1,024 MiB or 600 s to read; save the sheet as CSV"):
        open_table(write_sheets(tmp_path / "a.xlsx", {"a": [xml]}))


@pytest.mark.slow
def test_a_workbook_that_expands_to_gigabytes_ends_with_advice(tmp_path: Path) -> None:
    start, end = sheet_xml([["x"], [1]]).split("</sheetData>")
    cell = (f'{start}<row r="3"><c r="A3" t="inlineStr"><is><t>', "</t></is></c></row></sheetData>" + end)
    path = write_sheets(tmp_path / "a.xlsx", {"a": chain([cell[0]], repeat("a" * (1 << 20), 1_500), [cell[1]])})
    with pytest.raises(BadFile, match="save the sheet as CSV"):
        open_table(path)
    path.unlink()


def test_a_worker_that_is_not_read_to_its_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    path = write_workbook(tmp_path / "a.xlsx", {"a": [["x", "y"], *([n, "a" * 1_000] for n in range(2_000))]})
    chunks = open_table(path).chunks(1)
    next(chunks)
    del chunks
    assert [worker.poll() is not None for worker in started] == [True, True]

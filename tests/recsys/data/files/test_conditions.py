"""Conditions keep the same rows of a file in every format."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.conditions import check_condition, rows_where
from recsys.data.files.source import open_source
from recsys.errors import BadInput

ROWS: list[dict[str, Any]] = [
    {"n": 1, "status": "Paid", "total": 9.5, "is new": True, "sku": "007"},
    {"n": 2, "status": "refunded", "total": 12.0, "is new": False, "sku": "7"},
    {"n": 3, "status": None, "total": None, "is new": None, "sku": "12345678901234567"},
    {"n": 4, "status": "paid", "total": 120.0, "is new": True, "sku": "12345678901234568"},
]


def kept(path: Path, *where: str, **options: Any) -> list[int]:
    table = open_source(path, ColumnMapping({}, {}, where=where, **options))
    chunks = list(table.chunks(2))
    assert sum(chunk.rows.height + chunk.n_left_out for chunk in chunks) == len(ROWS)
    assert all(chunk.rows.height == len(chunk.lines) for chunk in chunks)
    return [int(n) for chunk in chunks for n in chunk.rows["n"]]


def files(folder: Path, rows: list[dict[str, Any]]) -> list[Path]:
    frame = pl.DataFrame(rows)
    frame.write_csv(folder / "a.csv")
    frame.write_ndjson(folder / "a.jsonl")
    frame.write_parquet(folder / "a.parquet")
    return [folder / "a.csv", folder / "a.jsonl", folder / "a.parquet"]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (["status=paid"], [1, 4]),
        (["status = 'paid'"], [1, 4]),
        (["status!=paid"], [2, 3]),
        (["status="], [3]),
        (["status!="], [1, 2, 4]),
        (["status in paid, refunded"], [1, 2, 4]),
        (["status in (paid)", "total>10"], [4]),
        (["total<12"], [1]),
        (["total<=12"], [1, 2]),
        (["total>=12.0"], [2, 4]),
        (["total=12"], [2]),
        (["is new=true"], [1, 4]),
        (["sku=7"], [2]),
        (["sku=007"], [1]),
        (["sku=12345678901234568"], [4]),
    ],
)
def test_conditions_keep_the_same_rows_in_every_format(tmp_path: Path, where: list[str], rows: list[int]) -> None:
    assert [kept(path, *where) for path in files(tmp_path, ROWS)] == [rows] * 3


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=1, max_size=20), st.data())
def test_numbers_are_compared_alike_in_every_format(values: list[float], data: st.DataObject) -> None:
    bound = data.draw(st.sampled_from(values))
    texts = pl.Series("x", [f"{value:.2f}" for value in values])
    for sign, expected in (("<", [v < bound for v in values]), ("=", [v == bound for v in values])):
        mapping = ColumnMapping({}, {}, where=(f"x{sign}{bound:.2f}",))
        assert rows_where(pl.DataFrame([texts]), mapping).to_list() == expected
        assert rows_where(pl.DataFrame({"x": values}), mapping).to_list() == expected


def test_times_and_numbers_of_the_shop_are_compared_as_the_options_say(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('n;at;paid\n1;31/01/2024;"1.299,50"\n2;01/02/2024;2,50\n3;03/02/2024;\n4;soon;x\n')
    options: dict[str, Any] = {"decimal": ",", "time_formats": ("%d/%m/%Y",)}
    assert kept(path, "at>=2024-02-01", **options) == [2, 3]
    assert kept(path, "paid>1.000", **options) == [1]
    assert kept(path, "at in 01/02/2024,03/02/2024", **options) == [2, 3]


def test_typed_times_are_compared_with_dates() -> None:
    at = pl.DataFrame({"at": [datetime(2024, 1, 31), datetime(2024, 2, 1, 12)]})
    mapping = ColumnMapping({}, {}, where=("at>=2024-02-01",))
    assert rows_where(at, mapping).to_list() == [False, True]
    assert rows_where(at, ColumnMapping({}, {}, where=("at=2024-01-31",))).to_list() == [True, False]
    zoned = at.select(pl.col("at").dt.replace_time_zone("UTC"))
    assert rows_where(zoned, ColumnMapping({}, {}, where=(f"at={datetime(2024, 1, 31, tzinfo=UTC)}",)))[0]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("state=paid", "no column 'state'; the file has n, status"),
        ("total>many", "> compares numbers and times, and 'many' is neither"),
    ],
)
def test_a_condition_that_cannot_hold_is_named(tmp_path: Path, where: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        kept(files(tmp_path, ROWS)[0], where)


@pytest.mark.parametrize("text", ["paid", "=paid", "", "statusinpaid"])
def test_a_text_that_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="write it like"):
        check_condition(text)


def test_the_part_of_an_object_and_names_with_signs_can_be_compared() -> None:
    rows = pl.DataFrame({"customer": ['{"id": 7}', '{"id": 8}'], "a in b": ["1", "2"]})
    assert rows_where(rows, ColumnMapping({}, {}, where=("customer.id=7",))).to_list() == [True, False]
    assert rows_where(rows, ColumnMapping({}, {}, where=("a in b=2",))).to_list() == [False, True]

"""Files are joined by the text of a column, a row for each match."""

from pathlib import Path

import polars as pl
import pytest

from recsys.data.files import join
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.join import join_texts
from recsys.data.files.source import SourceTable, open_source
from recsys.errors import BadInput

ORDERS = pl.DataFrame({"order_id": [1, 2, 3, 4], "customer": ["u", "v", "w", None], "price": [1, 2, 3, 4]})
LINES = pl.DataFrame({"order_id": [3, 1, 1, 9], "sku": ["c", "a", "b", "x"], "price": [30, 10, 11, 90]})


def joined(folder: Path, on: str = "order_id", kind: str = "csv") -> SourceTable:
    ORDERS.write_csv(folder / "orders.csv")
    (LINES.write_csv if kind == "csv" else LINES.write_parquet)(folder / f"lines.{kind}")
    return open_source(folder / "orders.csv", ColumnMapping({}, {}, joins=(f"{folder / f'lines.{kind}'} on {on}",)))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("rows", [1, 2, 10])
def test_each_match_is_a_row_with_the_line_number_of_its_order(tmp_path: Path, kind: str, rows: int) -> None:
    table = joined(tmp_path, kind=kind)
    assert table.columns == ("order_id", "customer", "price", "sku", "lines.price")
    for _ in range(2):  # counts begin anew
        chunks = list(table.chunks(rows))
        read = [row for chunk in chunks for row in chunk.rows.select("order_id", "sku", "lines.price").rows()]
        assert [tuple(None if cell is None else str(cell) for cell in row) for row in read] == [
            ("1", "a", "10"),
            ("1", "b", "11"),
            ("2", None, None),
            ("3", "c", "30"),
            ("4", None, None),
        ]
        assert [line for chunk in chunks for line in chunk.lines] == [2, 2, 3, 4, 5]
        unmatched, unused = table.notes()
        assert unmatched == f"2 lines have no match in {tmp_path / f'lines.{kind}'} by order_id, such as '2'"
        assert unused == f"1 lines of {tmp_path / f'lines.{kind}'} match no line by order_id"


def test_columns_of_different_names_are_joined(tmp_path: Path) -> None:
    table = joined(tmp_path, "price=order_id")
    (chunk,) = table.chunks(10)
    assert chunk.rows["sku"].to_list() == ["a", "b", None, "c", None]
    assert "lines.order_id" in table.columns


@pytest.mark.parametrize(
    ("on", "says"),
    [
        ("order", "no column 'order'; the file has order_id, customer, price"),
        ("customer", "no column 'customer'; .*lines.csv has order_id, sku, price"),
    ],
)
def test_a_column_that_one_file_lacks_is_named(tmp_path: Path, on: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        joined(tmp_path, on)


def test_the_column_may_stand_beside_the_file_or_in_an_option_of_its_own() -> None:
    assert join_texts(["a on b.csv"], None) == ("a on b.csv",)
    assert join_texts(["lines.csv"], "order_id") == ("lines.csv on order_id",)
    assert join_texts(["a.csv on x", "b.csv"], "y") == ("a.csv on x", "b.csv on y")
    assert join_texts((), None) == ()


@pytest.mark.parametrize(
    ("joins", "on", "says"),
    [
        (["lines.csv"], None, "name the column"),
        ([], "order_id", "belongs to one --join FILE"),
        (["a.csv", "b.csv"], "x", "belongs to one"),
    ],
)
def test_a_join_without_its_column_is_refused(joins: list[str], on: str | None, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        join_texts(joins, on)


def test_matches_come_in_pieces_and_a_column_that_is_no_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pl.DataFrame({"id": [1, 2], "n": [0, 0]}).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"id": [1] * 7 + [2] * 3, "m": range(10), "n": [0] * 10}).write_csv(tmp_path / "b.csv")
    table = open_source(tmp_path / "a.csv", ColumnMapping({}, {}, joins=(f"{tmp_path / 'b.csv'} on id",)))
    assert [chunk.rows["m"].to_list() for chunk in table.chunks(5)] == [[*map(str, range(7))], ["7", "8", "9"]]
    monkeypatch.setattr(join, "MAX_ELEMENTS", 6)
    with pytest.raises(BadInput, match="7 lines of .*b.csv have the id '1', at most 6 may"):
        list(table.chunks(5))

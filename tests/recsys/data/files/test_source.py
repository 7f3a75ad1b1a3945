"""Lists and objects in cells are spread out or read in parts, and text in cells is normalized."""

from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from recsys.data.files.column_mapping import ColumnMapping, as_text, text_of
from recsys.data.files.source import open_source
from recsys.errors import BadInput

ORDERS: list[dict[str, Any]] = [
    {"id": "o1", "customer": {"id": 77}, "lines": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}]},
    {"id": "o2", "customer": {"id": 78}, "lines": []},
]
MAPS = "order_id=id,user_id=customer.id,item_id=lines.sku"
TARGETS = ("order_id", "user_id", "item_id")


def files(folder: Path) -> list[Path]:
    """The orders in each format; in a CSV a list is its JSON text."""
    frame = pl.DataFrame(ORDERS, schema_overrides={"lines": pl.List(pl.Struct({"sku": pl.String, "n": pl.Int64}))})
    frame.write_parquet(folder / "a.parquet")
    (folder / "a.jsonl").write_bytes(b"\n".join(map(orjson.dumps, ORDERS)))
    texts = [{key: orjson.dumps(value).decode().strip('"') for key, value in row.items()} for row in ORDERS]
    pl.DataFrame(texts).write_csv(folder / "a.csv")
    return [folder / f"a.{kind}" for kind in ("csv", "jsonl", "parquet")]


def test_rows_of_empty_cells_and_further_headers_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("u,i,\n1,2,\n,,\n\ufeffu,i,\nu,3,\n,4,\n")
    (chunk,) = open_source(path, ColumnMapping({}, {})).filled_chunks(10)
    assert (chunk.rows.rows(), chunk.lines) == ([("1", "2", None), ("u", "3", None), (None, "4", None)], [2, 5, 6])


def test_lists_within_objects_are_spread_out(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"p": {"id": 7}}\n{"p": {"lines": [{"id": 8}, {"id": 9}]}}\n')
    mapping = ColumnMapping.parse(["item_id=p.id+p.lines.id"], (), TARGETS, explode="p.lines")
    (chunk,) = open_source(tmp_path / "a.jsonl", mapping).chunks(10)
    read = chunk.rows.select(as_text(mapping.value("item_id", chunk.rows.columns)).alias("id"))
    assert read["id"].to_list() == ["7", "8", "9"]


def test_order_lines_are_spread_out_alike_in_every_format(tmp_path: Path) -> None:
    mapping = ColumnMapping.parse([MAPS], (), TARGETS, explode="lines")
    for path in files(tmp_path):
        table = open_source(path, mapping)
        mapping.check(path, table.columns, needed=TARGETS)
        (chunk,) = table.chunks(10)
        read = chunk.rows.select(as_text(mapping.value(name, chunk.rows.columns)).alias(name) for name in TARGETS)
        assert read.rows() == [("o1", "77", "A"), ("o1", "77", "B"), ("o2", "78", None)], path
        assert chunk.lines == ([2, 2, 3] if path.suffix == ".csv" else [1, 1, 2])


def test_a_list_of_plain_values_gives_a_row_each_and_plain_cells_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"skus": ["tea", "mug"]}\n{"skus": "pot"}\n')
    (chunk,) = open_source(path, ColumnMapping.parse((), (), ("item_id",), explode="skus")).chunks(10)
    assert chunk.rows["skus"].to_list() == ["tea", "mug", "pot"]


def test_a_column_to_spread_out_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("u,i\n1,2\n")
    with pytest.raises(BadInput, match="--explode lines: .* has no such column; it has u, i"):
        open_source(path, ColumnMapping.parse((), (), ("item_id",), explode="lines"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (" 7 ", "7"),
        ("e\u0301", "\u00e9"),
        ('="00123"', "00123"),
        ("'00123", "00123"),
        ("'s-Gravenhage", "'s-Gravenhage"),
        ("  ", None),
        ("\u00a0x\u200b ", "x"),
    ],
)
def test_text_is_trimmed_composed_and_without_the_guards_of_a_spreadsheet(written: str, read: str | None) -> None:
    assert text_of(pl.Series([written])).to_list() == [read]


@pytest.mark.parametrize("maps", [["item_id=SKU", "name=Preis, EUR"], ['item_id=SKU,name="Preis, EUR"']])
def test_a_column_whose_name_holds_a_comma_can_be_mapped(maps: list[str]) -> None:
    assert ColumnMapping.parse(maps, (), ("item_id", "name")).column == {"item_id": "SKU", "name": "Preis, EUR"}


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_an_order_keeps_its_customer_over_the_end_of_a_chunk(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text("order_id,user_id,at\n1,u,5\n1,,\n1,,\n2,,\n,,\n3,v,6\n3,,\n")
    table = open_source(path, ColumnMapping.parse((), (), ("order_id", "user_id", "at")))
    read = [row for chunk in table.chunks(rows) for row in chunk.rows.rows()]
    assert [user for _, user, _ in read] == ["u", "u", "u", None, None, "v", "v"]
    assert [at for _, _, at in read] == ["5", "5", "5", None, None, "6", "6"]


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_cells_are_carried_down_within_one_order(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Name,Email,Status,sku\n#1,u,paid,a\n#1,,,b\n#1,,,c\n#2,v,,d\n#2,,refunded,e\n,,,f\n")
    mapping = ColumnMapping({"order_id": "Name"}, {}, carry_down=("Email", "Status"), where=("Status=paid",))
    chunks = list(open_source(path, mapping).chunks(rows))
    assert [row for chunk in chunks for row in chunk.rows["sku"]] == ["a", "b", "c"]
    assert sum(chunk.n_left_out for chunk in chunks) == 3


@pytest.mark.parametrize(
    ("names", "column", "says"),
    [(("Mail",), "Name", "--carry-down Mail: .* no such column"), (("Email",), "none", "--map order_id=COLUMN")],
)
def test_cells_that_cannot_be_carried_down_are_named(
    tmp_path: Path, names: tuple[str, ...], column: str, says: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Name,Email\n#1,u\n")
    mapping = ColumnMapping({"order_id": column} if column == "Name" else {}, {}, carry_down=names)
    with pytest.raises(BadInput, match=says):
        open_source(path, mapping)

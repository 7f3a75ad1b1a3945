"""Formats of exported tables: pages joined to one file that reads back as the rows they held."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from recsys.data.files.table_formats import FORMATS, Schema, format_of
from recsys.errors import BadInput

SCHEMA: Schema = {"id": pl.String, "n": pl.Float64, "at": pl.Datetime("ms", "UTC")}
AT = datetime(2026, 3, 1, 12, 30, 0, 5_000, tzinfo=UTC)
PAGES = [
    pl.DataFrame([("a", 1.5, AT), ("=b", None, None)], schema=SCHEMA, orient="row"),
    pl.DataFrame([("Grüße\n", 0.1, AT)], schema=SCHEMA, orient="row"),
]


def joined(ending: str, folder: Path, pages: list[pl.DataFrame]) -> Path:
    parts = [folder / f"part-{at}" for at in range(len(pages))]
    for part, page in zip(parts, pages, strict=True):
        part.write_bytes(FORMATS[ending].encode(page))
    whole = folder / f"whole.{ending}"
    with whole.open("wb") as out:
        FORMATS[ending].join(parts, SCHEMA, out)
    return whole


def test_a_csv_has_one_header_safe_cells_and_iso_times(tmp_path: Path) -> None:
    text = joined("csv", tmp_path, PAGES).read_text()
    assert text == 'id,n,at\na,1.5,2026-03-01T12:30:00.005Z\n\'=b,,\n"Grüße\n",0.1,2026-03-01T12:30:00.005Z\n'
    assert joined("csv", tmp_path, []).read_text() == "id,n,at\n"


def test_a_parquet_file_holds_the_rows_with_their_types(tmp_path: Path) -> None:
    table = pl.read_parquet(joined("parquet", tmp_path, PAGES))
    assert (table.schema, table.rows()) == (pl.Schema(SCHEMA), pl.concat(PAGES).rows())
    assert pl.read_parquet(joined("parquet", tmp_path, [])).schema == pl.Schema(SCHEMA)


def test_a_jsonl_file_has_a_line_for_each_row(tmp_path: Path) -> None:
    lines = joined("jsonl", tmp_path, PAGES).read_text().splitlines()
    assert lines[1:] == ['{"id":"=b","n":null,"at":null}', '{"id":"Grüße\\n","n":0.1,"at":"2026-03-01T12:30:00.005Z"}']
    assert joined("jsonl", tmp_path, []).read_text() == ""


def test_the_end_of_a_name_says_the_format() -> None:
    assert [format_of(name).name for name in ("a.CSV", "/b/c.d.parquet", "s3://x/y.jsonl")] == [
        "csv",
        "parquet",
        "jsonl",
    ]
    with pytest.raises(BadInput, match="lists.xlsx: the name must end with .csv, .jsonl, .parquet"):
        format_of("lists.xlsx")

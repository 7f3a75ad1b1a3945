"""Formats of exported tables: pages of rows are encoded one by one and joined to one file, in bounded memory."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Final

import polars as pl

from recsys.data.files.spreadsheet_csv import write_csv
from recsys.errors import BadInput

ROW_GROUP_ROWS = 100_000
_ISO = "%Y-%m-%dT%H:%M:%S%.3fZ"

Schema = Mapping[str, type[pl.DataType] | pl.DataType]


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A format.  encode: a page as bytes.  join: writes the pages of those files, in order, as one whole file."""

    name: str
    encode: Callable[[pl.DataFrame], bytes]
    join: Callable[[Sequence[Path], Schema, IO[bytes]], None]


def format_of(name: str) -> TableFormat:
    """The format of a file by the end of its name.  Raises BadInput."""
    table_format = FORMATS.get(name.rpartition(".")[2].lower())
    if table_format is None:
        raise BadInput(f"{name}: the name must end with {', '.join('.' + known for known in FORMATS)}")
    return table_format


def _csv(frame: pl.DataFrame) -> bytes:
    content = BytesIO()
    write_csv(_with_iso_times(frame), content, include_header=False)
    return content.getvalue()


def _jsonl(frame: pl.DataFrame) -> bytes:
    content = BytesIO()
    _with_iso_times(frame).write_ndjson(content)
    return content.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    content = BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


def _with_iso_times(frame: pl.DataFrame) -> pl.DataFrame:
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.strftime(_ISO) for name in times)


def _join_csv(parts: Sequence[Path], schema: Schema, out: IO[bytes]) -> None:
    write_csv(pl.DataFrame(schema=schema), out)
    _join_lines(parts, schema, out)


def _join_lines(parts: Sequence[Path], _schema: Schema, out: IO[bytes]) -> None:
    for part in parts:
        with part.open("rb") as content:
            shutil.copyfileobj(content, out)


def _join_parquet(parts: Sequence[Path], schema: Schema, out: IO[bytes]) -> None:
    filled = [part for part in parts if part.stat().st_size]
    pages = pl.scan_parquet(filled) if filled else pl.LazyFrame(schema=schema)
    pages.sink_parquet(out, row_group_size=ROW_GROUP_ROWS, maintain_order=True)


FORMATS: Final[Mapping[str, TableFormat]] = {
    table_format.name: table_format
    for table_format in (
        TableFormat("csv", _csv, _join_csv),
        TableFormat("jsonl", _jsonl, _join_lines),
        TableFormat("parquet", _parquet, _join_parquet),
    )
}

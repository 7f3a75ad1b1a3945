"""Reader of Parquet: typed columns, decoded in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from recsys.data.files.formats.byte_stream import translated_errors
from recsys.data.files.formats.csv_table import long_cell
from recsys.data.files.formats.file_table import BrokenRow, Chunk, legible
from recsys.data.files.formats.limits import (
    FREE_CELLS,
    FREE_ROWS,
    MAX_CELL,
    MAX_CELLS_PER_BYTE,
    MAX_COLUMNS,
    MAX_ROWS_PER_BYTE,
    chunk_rows,
)
from recsys.errors import BadFile


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """Typed columns; `lines` are row numbers from 1."""

    path: Path
    columns: tuple[str, ...]
    n_rows: int

    def chunks(self, rows: int) -> Iterator[Chunk]:
        line, size = 1, self.path.stat().st_size
        rows = chunk_rows(rows, len(self.columns))
        with translated_errors(self.path):
            for batch in pl.scan_parquet(self.path).collect_batches(chunk_size=rows, maintain_order=True):
                for part in batch.iter_slices(rows):
                    numbers = range(line, line + part.height)
                    line += part.height
                    yield _chunk(part, numbers)._replace(position=size * (line - 1) // max(self.n_rows, 1))


def open_parquet(path: Path) -> ParquetTable:
    """The table, with the names of its columns.  Raises BadFile, also where the rows take next to no space."""
    with translated_errors(path):
        columns = tuple(pl.read_parquet_schema(path))
        n_rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
    if len(columns) > MAX_COLUMNS:
        raise BadFile(f"{path}: has {len(columns):,} columns, at most {MAX_COLUMNS:,} are read; leave some out")
    _check_size(path, n_rows, len(columns))
    return ParquetTable(path, columns, n_rows)


def _check_size(path: Path, n_rows: int, n_columns: int) -> None:
    """Raises BadFile for more rows or cells than its bytes can hold, if they are not nearly all equal."""
    size, n_cells = path.stat().st_size, n_rows * n_columns
    limits = {
        f"{n_rows:,} rows": (n_rows, FREE_ROWS, MAX_ROWS_PER_BYTE),
        f"{n_cells:,} cells": (n_cells, FREE_CELLS, MAX_CELLS_PER_BYTE),
    }
    for count, (n, n_free, n_per_byte) in limits.items():
        if n > max(n_free, n_per_byte * size):
            raise BadFile(
                f"{path}: has {count} in {size:,} bytes, more than {n_per_byte} for a byte, so nearly all are equal; "
                "check how it was exported, or write it as CSV if it is right"
            )


def _chunk(rows: pl.DataFrame, numbers: range) -> Chunk:
    """The rows; those with a text that is too long are broken."""
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    is_long = rows.select(pl.col(name).str.len_chars().fill_null(0) > MAX_CELL for name in texts)
    if not any(column.any() for column in is_long):
        return Chunk(rows, list(numbers), [])
    is_broken = is_long.select(pl.any_horizontal(pl.all())).to_series()
    pairs = [*zip(numbers, is_broken, strict=True)]
    broken = [_broken(rows.row(number - numbers.start, named=True), number, texts) for number, bad in pairs if bad]
    return Chunk(rows.filter(~is_broken), [number for number, bad in pairs if not bad], broken)


def _broken(row: dict[str, Any], number: int, texts: list[str]) -> BrokenRow:
    name, cell = next((name, row[name]) for name in texts if len(row[name] or "") > MAX_CELL)
    return BrokenRow(number, legible(cell), long_cell(name, cell))

"""Source of an import: a file opened as its options say, and lists in its cells spread out into rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, as_column, as_text, split_path
from recsys.data.files.conditions import rows_where
from recsys.data.files.formats.csv_table import CsvTable
from recsys.data.files.formats.file_table import BrokenRow, Chunk, FileTable, legible
from recsys.data.files.formats.json_table import ROWS_TO_FIND_KEYS, object_frame
from recsys.data.files.formats.limits import MAX_COLUMNS, MAX_ELEMENTS, chunk_rows
from recsys.data.files.join import JoinedFile
from recsys.data.files.order_gaps import time_column
from recsys.data.files.readers import open_table
from recsys.errors import BadInput

BLANKS = "\ufeff \t\r"  # a mark of UTF-8 stands in the middle of files that were put together
SHARED = ("user_id", "at")  # what all lines of an order have in common


def open_source(path: Path, mapping: ColumnMapping, *, needed: Sequence[str] = ()) -> "SourceTable":
    """The file as a table, with its lists spread out where `mapping` says so.  needed: targets it must have.

    Raises BadFile when the file cannot be read, BadInput when it lacks a column.
    """
    table = open_table(
        path,
        delimiter=mapping.delimiter,
        header=mapping.header,
        encoding=mapping.encoding,
        sheet=mapping.sheet,
        file_format=mapping.file_format,
    )
    columns = table.columns
    if mapping.explode is not None:
        if not split_path(mapping.explode, columns):
            raise BadInput(f"--explode {mapping.explode}: {path} has no such column; it has {', '.join(columns)}")
        first = next(table.chunks(ROWS_TO_FIND_KEYS), None)
        columns = tuple(next(_explode(first, mapping.explode, ROWS_TO_FIND_KEYS)).rows.columns) if first else columns
    joins = []
    for text in mapping.joins:
        joins.append(JoinedFile(text, columns, mapping))
        columns = (*columns, *joins[-1].columns)
    if mapping.days_between is not None and time_column(mapping.days_between) not in columns:
        raise BadInput(f"--days-between {mapping.days_between}: no joined file has that column; name the file: --join")
    mapping.check(path, columns, needed=needed)
    sources = mapping.sources("order_id", columns)
    order = mapping.carry_within or (sources[0] if len(sources) == 1 and sources[0] in columns else None)
    if mapping.carry_within not in (None, *columns):
        raise BadInput(f"--carry-within {mapping.carry_within}: no such column; the file has {', '.join(columns)}")
    _check_carried(mapping.carry_down, columns, order, path)
    shared = [name for target in SHARED for name in mapping.sources(target, columns) if name in columns]
    carried = dict.fromkeys([*shared, *mapping.carry_down])
    return SourceTable(table, columns, mapping, order, tuple(carried), tuple(joins))


def _check_carried(names: Sequence[str], columns: Sequence[str], order: str | None, path: Path) -> None:
    for name in names:
        if name not in columns:
            raise BadInput(f"--carry-down {name}: {path} has no such column; it has {', '.join(columns)}")
    if names and order is None:
        raise BadInput(
            "--carry-down: name the column of order ids, because only lines of one order share cells: "
            "--map order_id=COLUMN, or --carry-within COLUMN"
        )


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A file as its options say; each row has the line number that it has in the file.

    Lists of the column `mapping.explode` become rows, one for each element.  An object of the list becomes columns
    named `list.key`.  A row without a list, or with an empty one, stays a row.
    order: the column of order ids, or that of --carry-within.  Further lines of an order with an empty customer or time
    take those of the line before: shops write them once for each order.  shared: the columns that an order has once.
    """

    table: FileTable
    columns: tuple[str, ...]
    mapping: ColumnMapping
    order: str | None
    shared: tuple[str, ...]
    joins: tuple[JoinedFile, ...] = ()

    @property
    def path(self) -> Path:
        return self.table.path

    def chunks(self, rows: int) -> Iterator[Chunk]:
        before = pl.DataFrame()
        for chunk in self._spread_chunks(rows):
            filled = self._fill(before, chunk.rows)
            before = filled.tail(1)
            yield keep_rows(chunk._replace(rows=filled), self.mapping)

    def filled_chunks(self, rows: int) -> Iterator[Chunk]:
        """The chunks without what stands between the rows of a CSV: rows of empty cells, and further headers.

        Spreadsheets write rows of separators alone, and files that were put together have a header each.
        """
        names = [name for name in self.table.columns if name in self.columns]
        for chunk in self.chunks(rows):
            yield _without_fillers(chunk, names) if isinstance(self.table, CsvTable) else chunk

    def _spread_chunks(self, rows: int) -> Iterator[Chunk]:
        """The chunks with lists spread out and files joined."""
        chunks, explode = self.table.chunks(rows), self.mapping.explode
        if explode is not None:
            chunks = (spread for chunk in chunks for spread in _explode(chunk, explode, rows))
        for join in self.joins:
            chunks = join.joined(chunks, rows)
        return chunks

    def notes(self) -> list[str]:
        """What had no match in a joined file, once all chunks were read."""
        return [note for join in self.joins for note in join.notes()]

    def _fill(self, before: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the shared cells of their order filled in.  before: the last row of the chunk before."""
        shared = [name for name in self.shared if name in rows.columns and rows[name].null_count()]
        if not shared or self.order is None or self.order not in rows.columns:
            return rows
        joined = pl.concat([before, rows]) if before.schema == rows.schema else rows
        has_order = pl.col(self.order).is_not_null()
        filled = {name: pl.col(name).forward_fill().over(self.order) for name in shared}
        columns = {name: pl.when(has_order).then(value).otherwise(name) for name, value in filled.items()}
        return joined.with_columns(**columns).tail(rows.height)


def _without_fillers(chunk: Chunk, names: Sequence[str]) -> Chunk:
    if not names:
        return chunk
    first = chunk.rows[names[0]]
    is_header = (first.str.strip_chars(BLANKS) == names[0]).fill_null(False)
    if not first.null_count() and not is_header.any():
        return chunk
    is_empty = chunk.rows.select(pl.all_horizontal(pl.all().is_null())).to_series()
    cells = (pl.col(name).str.strip_chars(BLANKS).fill_null(name) == name for name in names)  # a name may be empty
    is_kept = ~(is_empty | (is_header & chunk.rows.select(pl.all_horizontal(cells)).to_series()))
    lines = pl.Series(chunk.lines, dtype=pl.Int64).filter(is_kept).to_list()
    return chunk._replace(rows=chunk.rows.filter(is_kept), lines=lines)


def keep_rows(chunk: Chunk, mapping: ColumnMapping) -> Chunk:
    """The rows that fulfil the conditions of the mapping."""
    if not mapping.where:
        return chunk
    is_kept = rows_where(chunk.rows, mapping)
    lines = pl.Series(chunk.lines, dtype=pl.Int64).filter(is_kept).to_list()
    return chunk._replace(rows=chunk.rows.filter(is_kept), lines=lines, n_left_out=int((~is_kept).sum()))


def _explode(chunk: Chunk, column: str, rows: int) -> Iterator[Chunk]:
    """The chunk with a row for every element of the lists in that column, about `rows` at a time, at least once."""
    if not split_path(column, chunk.rows.columns):
        yield chunk
        return
    lists = chunk.rows.select(as_text(as_column(column, chunk.rows.columns)).alias(column)).to_series()
    rest = chunk._replace(broken=[], n_short=0)
    broken, elements, row_numbers, keys = list[BrokenRow](), list[dict[str, Any]](), list[int](), set[str]()
    for row, text in enumerate(lists.to_list()):
        parts = _elements(text)
        own_keys = {key for part in parts if isinstance(part, dict) for key in part}
        if len(parts) > MAX_ELEMENTS or len(own_keys) > MAX_COLUMNS:
            fault = f"{column!r} has more than {MAX_ELEMENTS:,} elements, or more than {MAX_COLUMNS:,} different keys"
            broken.append(BrokenRow(chunk.lines[row], legible(text or ""), fault))
            continue
        keys |= own_keys
        for element in parts:
            pairs = element.items() if isinstance(element, dict) else ()
            elements.append({f"{column}.{key}": value for key, value in pairs} or {column: element})
            row_numbers.append(row)
        if len(elements) >= chunk_rows(rows, len(keys)):
            yield _spread(rest, column, elements, row_numbers)
            elements, row_numbers, keys = [], [], set()
    last = _spread(rest, column, elements, row_numbers)
    yield last._replace(broken=sorted(chunk.broken + broken), n_short=chunk.n_short)


def _spread(chunk: Chunk, column: str, elements: list[dict[str, Any]], row_numbers: list[int]) -> Chunk:
    """The elements beside the other cells of their rows."""
    spread = object_frame(elements, ())
    kept = chunk.rows.drop(column, *spread.columns, strict=False)[row_numbers]
    return chunk._replace(rows=kept.hstack(spread), lines=[chunk.lines[row] for row in row_numbers])


def _elements(text: str | None) -> list[Any]:
    try:
        value = None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return (value or [None]) if isinstance(value, list) else [value]

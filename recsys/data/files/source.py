"""Source of an import: a file opened as its options say, and lists in its cells spread out into rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, text_of
from recsys.data.files.readers import ROWS_TO_FIND_KEYS, Chunk, FileTable, object_frame, open_table
from recsys.errors import BadInput

SHARED = ("user_id", "at")  # what all lines of an order have in common


def open_source(path: Path, mapping: ColumnMapping) -> FileTable:
    """The file as a table, with its lists spread out where `mapping` says so.  Raises BadFile, BadInput."""
    table = open_table(path, delimiter=mapping.delimiter, encoding=mapping.encoding)
    if mapping.explode is not None:
        if mapping.explode not in table.columns:
            has = ", ".join(table.columns)
            raise BadInput(f"--explode {mapping.explode}: {path} has no such column; it has {has}")
        first = next(table.chunks(ROWS_TO_FIND_KEYS), None)
        columns = tuple(exploded(first, mapping.explode).rows.columns) if first else table.columns
        table = ExplodedTable(table, mapping.explode, columns)
    order, *parts = mapping.sources("order_id", table.columns) or ("",)
    shared = [name for target in SHARED for name in mapping.sources(target, table.columns) if name in table.columns]
    return OrderTable(table, order, tuple(shared)) if order in table.columns and not parts and shared else table


@dataclass(frozen=True, slots=True)
class ExplodedTable:
    """A table with a row for every element of one column's lists; all of them have the line number of their row.

    An object of the list becomes columns named `list.key`.  A row without a list, or with an empty one, stays a row.
    """

    table: FileTable
    column: str
    columns: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.table.path

    def n_rows(self) -> int:
        return self.table.n_rows()

    def chunks(self, rows: int) -> Iterator[Chunk]:
        return (exploded(chunk, self.column) for chunk in self.table.chunks(rows))


@dataclass(frozen=True, slots=True)
class OrderTable:
    """A table in which further lines of an order, whose customer or time is empty, take those of the line before.

    Shops write them once for each order.  shared: the columns that an order has once.
    """

    table: FileTable
    order: str
    shared: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.table.path

    @property
    def columns(self) -> tuple[str, ...]:
        return self.table.columns

    def n_rows(self) -> int:
        return self.table.n_rows()

    def chunks(self, rows: int) -> Iterator[Chunk]:
        before = pl.DataFrame()
        for chunk in self.table.chunks(rows):
            filled = self._filled(before, chunk.rows)
            before = filled.tail(1)
            yield chunk._replace(rows=filled)

    def _filled(self, before: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with filled cells.  before: the last row of the chunk before."""
        shared = [name for name in self.shared if name in rows.columns and rows[name].null_count()]
        if not shared or self.order not in rows.columns:
            return rows
        joined = pl.concat([before, rows]) if before.schema == rows.schema else rows
        has_order = pl.col(self.order).is_not_null()
        filled = {name: pl.col(name).forward_fill().over(self.order) for name in shared}
        columns = {name: pl.when(has_order).then(value).otherwise(name) for name, value in filled.items()}
        return joined.with_columns(**columns).tail(rows.height)


def exploded(chunk: Chunk, column: str) -> Chunk:
    """The chunk with a row for every element of the lists in that column."""
    if column not in chunk.rows.columns:
        return chunk
    elements, at = list[dict[str, Any]](), list[int]()
    for row, text in enumerate(text_of(chunk.rows[column]).to_list()):
        for element in _elements(text):
            named = element.items() if isinstance(element, dict) else ()
            elements.append({f"{column}.{key}": value for key, value in named} or {column: element})
            at.append(row)
    spread = object_frame(elements, ())
    kept = chunk.rows.drop(column, *spread.columns, strict=False)[at]
    return Chunk(kept.hstack(spread), [chunk.lines[row] for row in at], chunk.broken, chunk.n_short)


def _elements(text: str | None) -> list[Any]:
    try:
        value = None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return (value or [None]) if isinstance(value, list) else [value]

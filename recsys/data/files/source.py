"""Source of an import: a file opened as its options say, and lists in its cells spread out into rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from recsys.data.files.column_mapping import ColumnMapping, text_of
from recsys.data.files.readers import ROWS_TO_FIND_KEYS, Chunk, FileTable, object_frame, open_table
from recsys.errors import BadInput


def open_source(path: Path, mapping: ColumnMapping) -> FileTable:
    """The file as a table, with its lists spread out where `mapping` says so.  Raises BadFile, BadInput."""
    table = open_table(path, delimiter=mapping.delimiter, encoding=mapping.encoding)
    if mapping.explode is None:
        return table
    if mapping.explode not in table.columns:
        raise BadInput(f"--explode {mapping.explode}: {path} has no such column; it has {', '.join(table.columns)}")
    first = next(table.chunks(ROWS_TO_FIND_KEYS), None)
    columns = tuple(exploded(first, mapping.explode).rows.columns) if first else table.columns
    return ExplodedTable(table, mapping.explode, columns)


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

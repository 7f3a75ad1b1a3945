"""Order of day and month in a column of dates such as 03/02/2024, proved by the other dates of the column."""

from dataclasses import replace

import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, DateOrder, as_text
from recsys.data.files.formats.file_table import Chunk
from recsys.data.files.source import SourceTable
from recsys.data.files.written_dates import date_orders, is_ambiguous

TIMES = ("at", "available_from", "available_until", "time")
FIRST_ROWS, ROWS = 1_000, 50_000


def with_date_orders(table: SourceTable, mapping: ColumnMapping) -> ColumnMapping:
    """The mapping with the order of day and month of every target of times whose dates prove one.

    Reads the whole file once more, if one of its first rows is ambiguous.  A column that proves both orders has none.
    """
    names = [name for name in TIMES if mapping.sources(name, table.columns) and not mapping.time_formats]
    first = next(table.chunks(FIRST_ROWS), None)
    if first is None or not any(is_ambiguous(text).any() for text in _texts(first, names, mapping).values()):
        return mapping
    orders: dict[str, set[DateOrder]] = {name: set() for name in names}
    for chunk in table.chunks(ROWS):
        for name, text in _texts(chunk, names, mapping).items():
            orders[name] |= date_orders(text)
    proved = {name: next(iter(both)) for name, both in orders.items() if len(both) == 1}
    return replace(mapping, date_order=proved)


def _texts(chunk: Chunk, names: list[str], mapping: ColumnMapping) -> dict[str, pl.Series]:
    texts = chunk.rows.select(as_text(mapping.value(name, chunk.rows.columns)).alias(name) for name in names)
    return {column.name: column for column in texts}

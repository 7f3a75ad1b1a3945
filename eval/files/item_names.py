"""Names of items, from files of interactions or of items, for a reader of the lists; no model learns from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.column_names import guess_columns
from recsys.data.files.source import open_source
from recsys.errors import BadInput

CHUNK_ROWS = 100_000

MOST_NAMES_OF_ITEM = 1.1  # on average: with more, the column names something else, such as the review or the customer


@dataclass(slots=True)
class ItemNameColumn:
    """The names that chunks of rows give to their items; none where an item has several in one chunk.

    by_item: name by item_id, the first that was read.
    """

    by_item: dict[str, str] = field(default_factory=dict)
    is_of_items: bool = True

    def add(self, rows: pl.DataFrame) -> None:
        """Takes the names of a chunk.  rows: item_id and name, null where there is none."""
        if not self.is_of_items:
            return
        pairs = rows.select("item_id", "name").drop_nulls().unique(maintain_order=True)
        if pairs.height > MOST_NAMES_OF_ITEM * pairs["item_id"].n_unique():
            self.is_of_items = False
            self.by_item.clear()
            return
        for item_id, name in pairs.iter_rows():
            self.by_item.setdefault(item_id, name)


def read_item_names(file: Path, written: ColumnMapping) -> Mapping[str, str]:
    """The name of each item of a file of items, by usual names of its columns: the first of an item counts.

    written: how files are written; its columns are those of interactions.  Raises BadFile, and BadInput where the file
    has no column of ids or of names.
    """
    reading = replace(written, column={}, where=())
    columns = open_source(file, reading).columns
    guessed = guess_columns(("item_id", "name"), columns, {})
    for target, noun in (("item_id", "ids"), ("name", "names")):
        if target not in guessed:
            usual = "item_id or sku" if target == "item_id" else "name or title"
            raise BadInput(f"{file}: no column of {noun} of items, such as {usual}; it has {', '.join(columns)}")
    names = ItemNameColumn()
    cells = [as_text(pl.col(column)).alias(target) for target, column in guessed.items()]
    for chunk in open_source(file, replace(reading, column=guessed)).chunks(CHUNK_ROWS):
        names.add(chunk.rows.select(cells))
    return names.by_item

"""Names of items in a file of interactions, for a reader of the lists; no model learns from them."""

from dataclasses import dataclass, field

import polars as pl

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

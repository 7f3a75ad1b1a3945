"""Join of a second file, such as order lines that stand apart from their orders: `--join "lines.csv on order_id"`."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, text_of
from recsys.data.files.formats.file_table import Chunk
from recsys.data.files.formats.limits import MAX_ELEMENTS
from recsys.data.files.order_gaps import gap_column, time_column, with_gap_times
from recsys.data.files.readers import open_table
from recsys.errors import BadInput

ON = re.compile(r"^(.*\S)\s+on\s+(\S.*)$")
CHUNK_ROWS = 50_000
KEY, LEFT, RIGHT, PART, N = (f"join:{name}" for name in ("key", "left", "right", "part", "n"))


def join_texts(joins: Sequence[str], on: str | None) -> tuple[str, ...]:
    """The values of --join, each with its column: `lines.csv on order_id`.  on: the value of --on.  Raises BadInput."""
    if on is not None and sum(not ON.match(text) for text in joins) != 1:
        raise BadInput(f"--on {on}: it belongs to one --join FILE; for several, write --join 'FILE on COLUMN'")
    texts = tuple(text if ON.match(text) else f"{text} on {on or ''}" for text in joins)
    for text in texts:
        if not ON.match(text):
            raise BadInput(f"--join {text.removesuffix(' on ')}: name the column that both files have: --on COLUMN")
    return texts


class JoinedFile:
    """A file whose rows are joined to those of the main file by the text of a column; it is held in memory.

    text: as `join_texts` gives it; `on order=order_id` joins columns of different names.  columns: of the main file.
    A column that the main file has, too, is called `<name of the file>.<column>`.
    """

    def __init__(self, text: str, columns: Sequence[str], mapping: ColumnMapping) -> None:
        match = ON.match(text)
        if match is None:
            raise BadInput(f"--join {text}: write it like 'lines.csv on order_id'")
        self.path, on = Path(match[1]), match[2]
        self._left, equals, right = (part.strip() for part in on.partition("="))
        self._right = right if equals else self._left
        self._table = open_table(self.path, delimiter=mapping.delimiter, encoding=mapping.encoding)
        for name, file, its_columns in (
            (self._left, "the file", columns),
            (self._right, str(self.path), self._table.columns),
        ):
            if name not in its_columns:
                raise BadInput(f"--join {text}: no column {name!r}; {file} has {', '.join(its_columns)}")
        free = [name for name in self._table.columns if name != self._right or name != self._left]
        self._new_names = {name: f"{self.path.stem}.{name}" if name in columns else name for name in free}
        self._days_between = self._gaps_of(mapping)
        self._user = mapping.column.get("user_id", "user_id")
        self._frame: pl.DataFrame | None = None
        self._is_used = np.zeros(0, bool)
        self._unmatched: Counter[str | None] = Counter()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the join adds."""
        times = [time_column(self._days_between)] if self._days_between is not None else []
        return (*self._new_names.values(), *times)

    def _gaps_of(self, mapping: ColumnMapping) -> str | None:
        """The days between orders, if this file holds them.  Raises BadInput if it has no customers."""
        text, user = mapping.days_between, mapping.column.get("user_id", "user_id")
        if text is None or gap_column(text) not in self._table.columns:
            return None
        if user not in self._table.columns:
            raise BadInput(f"--days-between {text}: {self.path} has no column of customers, {user!r}")
        return text

    def joined(self, chunks: Iterator[Chunk], rows: int) -> Iterator[Chunk]:
        """A row for every match, about `rows` at a time; a row without one stays, with empty cells."""
        right = self._read()
        n_by_key = right[KEY].drop_nulls().value_counts(name=N)
        self._check_matches(n_by_key)
        self._is_used, self._unmatched = np.zeros(right.height, bool), Counter()
        for chunk in chunks:
            left = chunk.rows.with_columns(text_of(chunk.rows[self._left]).alias(KEY)).with_row_index(LEFT)
            n = left.join(n_by_key, on=KEY, how="left", maintain_order="left")[N].fill_null(1)
            *parts, last = left.with_columns((n.cum_sum() // rows).alias(PART)).partition_by(PART) or [left]
            rest = chunk._replace(broken=[], n_short=0)
            for part in parts:
                yield self._matched(part, rest, right)
            yield self._matched(last, chunk, right)

    def _matched(self, left: pl.DataFrame, chunk: Chunk, right: pl.DataFrame) -> Chunk:
        both = left.join(right, on=KEY, how="left", maintain_order="left_right")
        used = both[RIGHT]
        self._is_used[used.drop_nulls().to_numpy()] = True
        self._unmatched.update(both.filter(used.is_null())[KEY].to_list())
        lines = [chunk.lines[row] for row in both[LEFT].to_list()]
        return chunk._replace(rows=both.drop(KEY, LEFT, RIGHT, PART, strict=False), lines=lines)

    def _check_matches(self, n_by_key: pl.DataFrame) -> None:
        """Raises BadInput for a key that is none: it would multiply rows."""
        too_many = n_by_key.filter(pl.col(N) > MAX_ELEMENTS)
        for key, n in too_many.rows():
            raise BadInput(
                f"--join: {n:,} lines of {self.path} have the {self._right} {key!r}, at most {MAX_ELEMENTS:,} may; "
                "name a column with a value for each order"
            )

    def notes(self) -> list[str]:
        """What had no match, once the main file was read."""
        n, n_unused = self._unmatched.total(), int(np.count_nonzero(~self._is_used))
        such = next((f", such as {key!r}" for key in self._unmatched if key is not None), "")
        unmatched = f"{n:,} lines have no match in {self.path} by {self._left}{such}"
        unused = f"{n_unused:,} lines of {self.path} match no line by {self._right}"
        return [note for note, count in ((unmatched, n), (unused, n_unused)) if count]

    def _read(self) -> pl.DataFrame:
        if self._frame is None:
            parts = [chunk.rows for chunk in self._table.chunks(CHUNK_ROWS)]
            rows = pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame(schema=self._table.columns)
            names = dict(self._new_names)
            if self._days_between is not None:
                rows = with_gap_times(rows, self._days_between, self._user)
                names[time_column(self._days_between)] = time_column(self._days_between)
            kept = rows.select(text_of(rows[self._right]).alias(KEY), *map(pl.col, names))
            self._frame = kept.rename(names).with_row_index(RIGHT)
        return self._frame

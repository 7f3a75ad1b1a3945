"""Frames of a notebook into a home: written as files, they go through the same import as a shop's own files."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from recsys.config import spelling_hint
from recsys.data.checks.per_line import LineCounts
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.column_names import guess_columns
from recsys.data.files.formats.file_table import Chunk
from recsys.data.guests import GUEST_NUMBERS, GUEST_WORDS
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.time_units import now_ms
from training.importing.data_check import known_items
from training.importing.entities import ITEMS, USERS, import_entities
from training.importing.events import TARGETS, import_events, needed_columns
from training.importing.rejects import Tally


@dataclass(frozen=True, slots=True)
class FrameColumns:
    """What the columns of a shop's frames are.

    column: the name of a column by target, such as {"user_id": "household"}; other targets go by usual names.
    kind: of events without one.  kinds: kind by the word of the frame.
    """

    column: Mapping[str, str] = field(default_factory=dict)
    kind: str | None = "purchase"
    kinds: Mapping[str, str] = field(default_factory=dict)

    def check(self, frames: Iterable[pl.DataFrame]) -> None:
        """Raises BadInput for a target that does not exist, and for a column that no frame has."""
        targets, columns = {*TARGETS, *ITEMS.targets}, {name for frame in frames for name in frame.columns}
        for target, column in self.column.items():
            if target not in targets:
                raise BadInput(f"columns: there is no {target!r}; {spelling_hint(target, targets)}")
            if column not in columns:
                raise BadInput(f"columns: no frame has {column!r}; {spelling_hint(column, columns)}")

    def mapping(self, name: str, frame: pl.DataFrame, targets: Sequence[str], needed: Sequence[str]) -> ColumnMapping:
        """The mapping of one frame.  Raises BadInput when a needed column is missing."""
        given = {target: column for target, column in self.column.items() if column in frame.columns}
        own = {target: column for target, column in given.items() if target in targets}
        mapping = ColumnMapping(guess_columns(targets, frame.columns, own), {})
        for target in needed:
            if not mapping.has(target, frame.columns):
                columns = ", ".join(frame.columns)
                raise BadInput(f"{name}: no column {target!r} among {columns}; say columns={{{target!r}: 'COLUMN'}}")
        words = {word.lower(): kind for word, kind in self.kinds.items()}
        return replace(mapping, guests=GUEST_WORDS | GUEST_NUMBERS, kinds=words)


def as_frame(table: Any) -> pl.DataFrame:
    """The table as a polars frame, without pyarrow where pandas does not need it itself.

    table: a frame of polars or pandas, whatever has an Arrow C stream, or columns by name.  Raises BadInput.
    """
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    names = [str(name) for name in getattr(table, "columns", ())]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"two columns are called {repeated!r}; rename one")
    try:
        frame = pl.DataFrame(table)
        objects = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
        return frame.with_columns(_texts(name, frame[name].to_list()) for name in objects)
    except (ImportError, TypeError, ValueError):  # pandas without pyarrow, or with a column of several types
        if not hasattr(table, "notna"):
            raise BadInput(
                f"a {type(table).__name__} is no table; give a frame of polars or pandas, an Arrow table, or columns "
                "by name"
            ) from None
    return pl.DataFrame([_column(str(name), table[name]) for name in table.columns])


def _column(name: str, column: Any) -> pl.Series:
    """A column of pandas: numbers and times as they are, else cell by cell."""
    if getattr(column.dtype, "kind", "O") in "biuf" and not column.isna().any():
        return pl.Series(name, column.to_numpy())
    cells = column.astype(object).where(column.notna(), None).tolist()
    try:
        return pl.Series(name, cells, strict=False)
    except (TypeError, pl.exceptions.PolarsError):  # such as days beside text
        return _texts(name, cells)


def _texts(name: str, cells: Iterable[object]) -> pl.Series:
    return pl.Series(name, [None if cell is None else str(cell) for cell in cells], pl.String)


def import_frames(store: Store, home: Path, frames: Mapping[str, pl.DataFrame], columns: FrameColumns) -> None:
    """Imports the frames `items`, `customers` and `events`, those that are there.

    Warns of refused rows.  Raises BadInput when a column is missing, or when every row of a frame is refused.
    """
    columns.check(frames.values())
    rejects = home / "rejects"
    for name, spec in (("items", ITEMS), ("customers", USERS)):
        if name in frames:
            mapping = columns.mapping(name, frames[name], spec.targets, spec.targets[:1])
            path = _written(home, name, frames[name])
            ours: Any = spec
            tally = import_entities(path, store, ours, mapping, attributes=True, rejects=rejects, progress=_ignore)
            _close(path, tally, name)
    if "events" in frames:
        mapping = columns.mapping("events", frames["events"], TARGETS, needed_columns(columns.kind))
        path, counts = _written(home, "events", frames["events"]), LineCounts(now_ms(), known_items(store))
        tally = import_events(path, store, mapping, kind=columns.kind, rejects=rejects, counts=counts, progress=_ignore)
        _close(path, tally, "events")


def _ignore(_chunk: Chunk) -> None:
    pass


def _written(home: Path, name: str, frame: pl.DataFrame) -> Path:
    path = home / f"{name}.parquet"
    frame.write_parquet(path)
    return path


def _close(path: Path, tally: Tally, name: str) -> None:
    """Deletes the file, and says how many rows were refused."""
    path.unlink()
    if tally.rejected:
        reasons = "; ".join(f"{count:,} for {reason}" for reason, count in tally.reasons.most_common())
        text = f"{name}: {tally.rejected:,} of {tally.lines:,} rows were refused: {reasons}"
        if tally.rejected == tally.lines:
            raise BadInput(text)
        warnings.warn(f"{text}; they are in {tally.rejects_file}", stacklevel=4)

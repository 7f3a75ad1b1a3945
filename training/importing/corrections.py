"""Correction of imported events: the same file, read with other columns, replaces what it stored before.

The home keeps how each file was read, by the digest of the file.  So each line finds the event that it became, even
if the id of that event was made from other columns.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import orjson
import polars as pl

from recsys.atomic_file import replace_file
from recsys.data.checks.per_line import LineCounts
from recsys.data.events import Correction, Event
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.conditions import rows_where
from recsys.data.files.date_order import with_date_orders
from recsys.data.files.formats.byte_stream import split_member
from recsys.data.files.formats.file_table import Chunk, ChunkProgress
from recsys.data.files.numbers import check_decimal
from recsys.data.files.source import SourceTable, keep_rows, open_source
from recsys.data.store.base import Store
from recsys.errors import BadInput
from training.importing.events import (
    CHUNK_ROWS,
    NUMBERS,
    ROW,
    Occurrences,
    build_events,
    count_results,
    event_columns,
    needed_columns,
    read_lines,
)
from training.importing.rejects import Rejects, Tally
from training.importing.validation import event_fault

FOLDER = "imports"
TUPLES = ("time_formats", "where", "joins", "carry_down", "header")  # fields of a mapping


@dataclass(frozen=True, slots=True)
class EventReading:
    """How a file of events was read: its mapping, and the kind of lines without one."""

    mapping: ColumnMapping
    kind: str | None

    def with_orders_of(self, table: SourceTable) -> Self:
        """The same with the order of day and month that the columns of the file prove."""
        return replace(self, mapping=with_date_orders(table, self.mapping))

    def to_json(self) -> bytes:
        document = asdict(self)
        if not self.mapping.header:  # as records and sources of earlier builds have it
            del document["mapping"]["header"]
        return orjson.dumps(document, default=sorted, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        fields = orjson.loads(document)
        mapping: dict[str, Any] = fields["mapping"]
        sets: dict[str, Any] = {name: frozenset(mapping[name]) for name in ("text_columns", "guests")}
        sets |= {name: tuple(mapping.get(name, ())) for name in TUPLES}
        return cls(ColumnMapping(**{**mapping, **sets}), fields["kind"])


class ImportRecords:
    """The last reading of each imported file; a small file for each, in the folder `imports` of the home."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def last_reading(self, path: Path) -> EventReading | None:
        """The reading of the last import; None for a file that was never imported, or has changed since."""
        record = self._record(path)
        return EventReading.from_json(record.read_bytes()) if record.exists() else None

    def last_zone(self) -> str | None:
        """The time zone of the file that was imported last; None in a home without records."""
        records = sorted(self._folder.glob("*.json"), key=lambda record: record.stat().st_mtime_ns)
        return EventReading.from_json(records[-1].read_bytes()).mapping.time_zone if records else None

    def save(self, path: Path, reading: EventReading) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        replace_file(self._record(path), reading.to_json())

    def _record(self, path: Path) -> Path:
        content, member = split_member(path)
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        digest.update(member.encode())
        return self._folder / f"{digest.hexdigest()}.json"


def correct_events(
    path: Path,
    log: Store,
    reading: EventReading,
    last: EventReading | None,
    *,
    rejects: Path,
    counts: LineCounts,
    progress: ChunkProgress,
) -> Tally:
    """Reads the file again: replaces the events that its lines became, and adds lines that were never stored.

    last: how the file was read before.  If None, a line finds its event by customer, item, kind, time and order.
    A line that is refused now leaves its event as it is.  Raises as `import_events` does.
    """
    _check_same_rows(path, reading.mapping, (last or reading).mapping)
    table = open_source(path, replace(reading.mapping, where=()), needed=needed_columns(reading.kind))
    tally = Tally(str(path), corrected=0)
    new, old = (_Reader(each.with_orders_of(table), counts.now_ms) for each in (reading, last or reading))
    with Rejects(rejects, tally) as refused:
        for chunk in table.filled_chunks(CHUNK_ROWS):
            check_decimal(chunk.rows, reading.mapping, NUMBERS)
            columns = new.columns(chunk)
            lines = keep_rows(chunk, reading.mapping)
            counts.add(read_lines(columns).with_columns(pl.Series("line", lines.lines, pl.Int64)))
            events = new.events(refused.keep_good(columns, lines, new.fault))
            old_ids = {row: event.event_id for row, event in old.good_events(chunk).items()}
            _store(log, events, old_ids, chunk, refused, tally)
            progress(chunk)
    tally.notes += table.notes()
    return tally


def _check_same_rows(path: Path, new: ColumnMapping, old: ColumnMapping) -> None:
    for option, now, then in (("--explode", new.explode, old.explode), ("--join", new.joins, old.joins)):
        if now != then:
            words = then if isinstance(then, str) else ", ".join(then or ())
            raise BadInput(f"{option}: {path} was imported with {words or f'no {option}'}; use the same")


class _Reader:
    """Reads chunks as an import does, and gives each event the same id as an import."""

    def __init__(self, reading: EventReading, now_ms: int) -> None:
        self._reading = reading
        self._occurrences = Occurrences()
        self.fault = event_fault(now_ms, reading.mapping)

    def columns(self, chunk: Chunk) -> pl.DataFrame:
        """The lines that count, with their row in the chunk."""
        mapping = self._reading.mapping
        columns = event_columns(chunk.rows, mapping, self._reading.kind).with_row_index(ROW)
        return columns.filter(rows_where(chunk.rows, mapping))

    def events(self, good: pl.DataFrame) -> dict[int, Event]:
        """The events, by their row in the chunk."""
        return dict(zip(good[ROW].to_list(), build_events(good, self._occurrences), strict=True))

    def good_events(self, chunk: Chunk) -> dict[int, Event]:
        columns = self.columns(chunk)
        return self.events(columns.filter(columns.select(self.fault.is_null()).to_series()))


def _store(
    log: Store, events: dict[int, Event], old_ids: dict[int, str], chunk: Chunk, refused: Rejects, tally: Tally
) -> None:
    corrections = [Correction(old_ids.get(row, event.event_id), event) for row, event in events.items()]
    results = dict(zip(events, log.correct(corrections), strict=True))
    n_corrected = [*results.values()].count(True)
    tally.corrected = (tally.corrected or 0) + n_corrected
    new = [row for row, result in results.items() if result is None]
    added = dict(zip(new, log.append([events[row] for row in new]), strict=True))
    count_results({row: result for row, result in results.items() if result not in (True, None)}, chunk, refused, tally)
    count_results(added, chunk, refused, tally)

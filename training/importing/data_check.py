"""Data check over a shop's log, catalogue and refused lines, or over files before an import."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import polars as pl

from recsys.data.checks.finding import Finding, grade
from recsys.data.checks.per_dataset import dataset_checks
from recsys.data.checks.per_line import LINE_SCHEMA, LineCounts, with_all_columns, with_categorical_ids
from recsys.data.checks.requirements import requirement_findings
from recsys.data.entities import Item
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.date_order import with_date_orders
from recsys.data.files.formats.file_table import ChunkProgress
from recsys.data.files.numbers import check_decimal
from recsys.data.files.source import open_source
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from training.importing.entities import ITEMS, import_entities
from training.importing.events import CHUNK_ROWS, NUMBERS, event_columns, needed_columns, read_lines
from training.importing.rejects import Tally
from training.importing.validation import NO_ROW, event_fault

REJECTS = "rejects"
MIN_IDS, MAX_STRANGERS = 20, 0.98
SLICE_ROWS = 1_000_000
STAMP = len("20170101T000000.000000Z-")  # the time before the file's name in the name of its rejects file


@dataclass(slots=True)
class LineCollector:
    """Collects lines: counts all of them, and keeps those that were not refused for checks of the whole data set."""

    counts: LineCounts
    kept: list[pl.DataFrame] = field(default_factory=list)

    def add(self, lines: pl.DataFrame) -> None:
        complete = with_all_columns(lines)
        self.counts.add(complete)
        self.kept.append(complete.filter(pl.col("fault").is_null()))

    def findings(self, items: Collection[Item] | None) -> list[Finding]:
        """All findings.  items: None where there is no catalogue."""
        return _findings(self.counts, pl.concat(self.kept) if self.kept else LINE_SCHEMA.to_frame(), items)


def _findings(counts: LineCounts, accepted: pl.DataFrame, items: Collection[Item] | None) -> list[Finding]:
    lines = with_categorical_ids(accepted)
    return [
        *counts.findings(),
        *dataset_checks(lines, counts.now_ms),
        _catalogue(items),
        *requirement_findings(lines, items),
    ]


def check_home(
    store: Store, rejects: Path, mapping: ColumnMapping, *, now_ms: int, progress: Callable[[int], None]
) -> list[Finding]:
    """Findings about the log, the catalogue, and every line that imports refused.

    mapping: for refused lines that an older build kept without their values.  Raises LogUnavailable, BadFile.
    """
    items = list(store.items_since(0)) or None
    collector = LineCollector(LineCounts(now_ms, _ids(items)))
    for frame in store.scan():
        collector.add(log_lines(frame))
        progress(frame.height)
    for refused in refused_lines(rejects, mapping):
        collector.add(refused)
    user_ids = pl.concat(collector.kept)["user_id"].unique() if collector.kept else pl.Series(dtype=pl.String)
    described = pl.Series([user.user_id for user in store.users()], dtype=pl.String)
    return [*collector.findings(items), *_customers(described, user_ids)]


def check_files(
    events: Sequence[Path],
    catalogue: Path | None,
    mappings: tuple[ColumnMapping, ColumnMapping],
    *,
    kind: str | None,
    now_ms: int,
    progress: Callable[[Path], ChunkProgress],
) -> list[Finding]:
    """Findings about files that are not imported.  mappings: of the events, of the items.  progress: of a file.

    Raises BadFile when a file cannot be read, BadInput when it lacks a column.
    """
    tally, items = (None, None) if catalogue is None else _read_items(catalogue, mappings[1], progress)
    collector = LineCollector(LineCounts(now_ms, _ids(items)))
    for path in events:
        for lines in _file_lines(path, mappings[0], kind, collector.counts, progress(path)):
            collector.add(lines)
    return collector.findings(items) + ([_refused_items(tally)] if tally else [])


def items_mapping(path: Path | None, events: ColumnMapping, maps: Iterable[str]) -> ColumnMapping:
    """The column mapping of the catalogue.  Without an item_id of its own, it takes the column of the events."""
    own = ColumnMapping.parse(maps, (), ITEMS.targets).column
    mapping = replace(
        events, column=own, constant={}, explode=None, where=(), joins=(), carry_down=(), carry_within=None
    )
    mapping = replace(mapping, file_format=None, sheet=None, member=None)
    column = events.column.get("item_id")
    if path is None or column is None or "item_id" in mapping.column:
        return mapping
    is_there = column in open_source(path, mapping).columns
    return replace(mapping, column={**mapping.column, "item_id": column}) if is_there else mapping


def check_snapshot(events: pl.DataFrame, items: Collection[Item], *, now_ms: int) -> list[Finding]:
    """Findings about the events and items that training learns from."""
    counts = LineCounts(now_ms, _ids(items or None))
    for part in events.iter_slices(SLICE_ROWS):
        counts.add(log_lines(part))
    return _findings(counts, log_lines(events), items or None)


def known_items(store: Store) -> list[str] | None:
    """Ids of all items that are or were in the catalogue, None when it is empty."""
    return _ids(list(store.items_since(0)) or None)


def log_lines(events: pl.DataFrame) -> pl.DataFrame:
    """Events of the log as lines to check."""
    return events.with_columns((pl.col("price") * pl.col("quantity")).alias("sale"))


def refused_lines(folder: Path, mapping: ColumnMapping) -> Iterator[pl.DataFrame]:
    """Every line of events that imports refused; only once if the same file was imported again."""
    seen = set[int]()
    for file in sorted(folder.glob("*.jsonl")):
        if any(reject.get("read") and "at_ms" not in reject["read"] for reject in _rejects(file)):
            continue  # of items or customers
        rejects = _rejects(file)
        while part := list(islice(rejects, CHUNK_ROWS)):
            by_key = {hash((file.name[STAMP:], reject["line"], str(reject["row"]))): reject for reject in part}
            yield from _lines([reject for key, reject in by_key.items() if key not in seen], mapping)
            seen |= by_key.keys()


def _rejects(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as lines:
        yield from map(orjson.loads, lines)


def _lines(rejects: list[dict[str, Any]], mapping: ColumnMapping) -> Iterator[pl.DataFrame]:
    with_values = [{**reject["read"], **_line_and_fault(reject)} for reject in rejects if reject.get("read")]
    without_values = [reject for reject in rejects if not reject.get("read")]
    if with_values:
        yield read_lines(pl.DataFrame(with_values, infer_schema_length=None, strict=False))
    if without_values:
        rows = pl.DataFrame([reject["row"] for reject in without_values], infer_schema_length=None, strict=False)
        faults = pl.DataFrame([_line_and_fault(reject) for reject in without_values])
        yield read_lines(event_columns(rows, mapping, "purchase")).hstack(faults)


def _line_and_fault(reject: dict[str, Any]) -> dict[str, Any]:
    return {"line": reject["line"], "fault": reject["reason"]}


def _file_lines(
    path: Path, mapping: ColumnMapping, kind: str | None, counts: LineCounts, progress: ChunkProgress
) -> Iterable[pl.DataFrame]:
    fault = event_fault(counts.now_ms, mapping)
    table = open_source(path, mapping, needed=needed_columns(kind))
    mapping = with_date_orders(table, mapping)
    for chunk in table.filled_chunks(CHUNK_ROWS):
        counts.add_broken(len(chunk.broken), NO_ROW)
        lines = pl.Series("line", chunk.lines, pl.Int64)
        check_decimal(chunk.rows, mapping, NUMBERS)
        columns = event_columns(chunk.rows, mapping, kind)
        yield read_lines(columns).with_columns(fault.alias("fault"), lines)
        progress(chunk)


def _read_items(
    path: Path, mapping: ColumnMapping, progress: Callable[[Path], ChunkProgress]
) -> tuple[Tally, list[Item]]:
    """The catalogue of the file, read as an import would read it."""
    with TemporaryDirectory() as name:
        rejects = Path(name) / REJECTS
        with closing(open_store(Path(name), None)) as store:
            tally = import_entities(
                path, store, ITEMS, mapping, attributes=True, rejects=rejects, progress=progress(path)
            )
            return tally, list(store.items_since(0))


def _ids(items: Collection[Item] | None) -> list[str] | None:
    return None if items is None else [item.item_id for item in items]


def _refused_items(tally: Tally) -> Finding:
    count, total = tally.rejected, tally.lines
    reasons = tuple(f"{n:,}: {reason}" for reason, n in tally.reasons.most_common())
    advice = "they will not be in the catalogue; mend them" if count else ""
    return Finding("refused_items", grade(count > 0), "lines of the catalogue refused", count, total, reasons, advice)


def _customers(described: pl.Series, user_ids: pl.Series) -> list[Finding]:
    """Customers with attributes but without events.  If nearly all have none, the ids probably differ."""
    if described.is_empty() or user_ids.is_empty():
        return []
    strangers = described.filter(~described.is_in(user_ids.implode()))
    is_odd = len(described) >= MIN_IDS and len(strangers) > MAX_STRANGERS * len(described)
    advice = (
        f"are their ids written as in the events? {strangers[0]!r} here, {user_ids[0]!r} in the events"
        if is_odd
        else ""
    )
    return [
        Finding(
            "customers_without_events",
            grade(is_odd),
            "customers with attributes and without events",
            len(strangers),
            len(described),
            tuple(strangers.head(3)),
            advice,
        )
    ]


def _catalogue(items: Collection[Item] | None) -> Finding:
    present = [] if items is None else [item for item in items if not item.deleted]
    nameless = [item.item_id for item in present if not (item.name or item.category)]
    advice = "import it with `recsys import items FILE`" if not present else ""
    return Finding(
        "catalogue",
        grade(not present or bool(nameless)),
        "items of the catalogue without name and category" if present else "no catalogue: items have no names",
        len(nameless),
        len(present),
        tuple(nameless[:3]),
        "people see only their ids; fill in name or category" if nameless else advice,
    )

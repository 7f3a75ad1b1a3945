"""The data check over a shop's log and catalogue, what imports refused included, or over files before any import."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import polars as pl

from recsys.data.checks.finding import Finding, graded
from recsys.data.checks.per_dataset import whole_checks
from recsys.data.checks.per_line import LINE_SCHEMA, LineCounts, compact, with_all_columns
from recsys.data.checks.requirements import requirement_findings
from recsys.data.entities import Item
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.readers import open_table
from recsys.data.store.base import Store, open_store
from training.importing.entities import ITEM_TARGETS, import_things, item_shelf
from training.importing.events import CHUNK_ROWS, Progress, event_columns, needed_columns, read_lines
from training.importing.rejects import Tally
from training.importing.validation import NO_ROW, event_fault

REJECTS = "rejects"
STAMP = len("20170101T000000.000000Z-")  # what stands before the name of the file in the name of its rejects


@dataclass(slots=True)
class Gathered:
    """Lines as they come: all are counted, those that were not refused are kept for what needs them side by side."""

    counts: LineCounts
    kept: list[pl.DataFrame] = field(default_factory=list)

    def add(self, lines: pl.DataFrame) -> None:
        whole = with_all_columns(lines)
        self.counts.add(whole)
        self.kept.append(whole.filter(pl.col("fault").is_null()))

    def findings(self, items: Collection[Item] | None) -> list[Finding]:
        """Everything there is to say.  `items` None: no catalogue was given."""
        lines = compact(pl.concat(self.kept) if self.kept else LINE_SCHEMA.to_frame())
        return [
            *self.counts.findings(),
            *whole_checks(lines, self.counts.now_ms),
            _catalogue(items),
            *requirement_findings(lines, items),
        ]


def check_home(store: Store, rejects: Path, layout: ColumnMapping, *, now_ms: int, progress: Progress) -> list[Finding]:
    """The log, the catalogue, and every line that imports refused.

    `layout` is for refused lines kept by builds that did not note what they read.  Raises LogUnavailable, BadFile.
    """
    items = list(store.items_since(0)) or None
    gathered = Gathered(LineCounts(now_ms, _ids(items)))
    for frame in store.scan():
        gathered.add(log_lines(frame))
        progress(frame.height)
    for refused in refused_lines(rejects, layout):
        gathered.add(refused)
    return gathered.findings(items)


def check_files(
    events: Sequence[Path],
    catalogue: Path | None,
    layouts: tuple[ColumnMapping, ColumnMapping],
    *,
    kind: str | None,
    now_ms: int,
    progress: Progress,
) -> list[Finding]:
    """The same of files that are not imported.  `layouts`: of the events, of the items.

    Raises BadFile when a file cannot be read, BadInput when it lacks a column.
    """
    tally, items = (None, None) if catalogue is None else _items_of(catalogue, layouts[1])
    gathered = Gathered(LineCounts(now_ms, _ids(items)))
    for path in events:
        for lines in _file_lines(path, layouts[0], kind, gathered.counts):
            gathered.add(lines)
            progress(lines.height)
    return gathered.findings(items) + ([_refused_items(tally)] if tally else [])


def items_layout(path: Path | None, events: ColumnMapping, maps: Iterable[str]) -> ColumnMapping:
    """How the catalogue is read; its item_id, where nothing says so, is the column that is one in the events."""
    told = ColumnMapping.parse(maps, (), ITEM_TARGETS)
    named = events.column.get("item_id")
    if path is None or named is None or "item_id" in told.column or named not in open_table(path).columns:
        return told
    return ColumnMapping({**told.column, "item_id": named}, told.constant)


def check_snapshot(events: pl.DataFrame, items: Collection[Item], *, now_ms: int) -> list[Finding]:
    """What training is about to learn from: the log without what imports refused."""
    gathered = Gathered(LineCounts(now_ms, _ids(items or None)))
    gathered.add(log_lines(events))
    return gathered.findings(items or None)


def known_items(store: Store) -> list[str] | None:
    """Ids of everything that is or was in the catalogue, None when there is nothing in it."""
    return _ids(list(store.items_since(0)) or None)


def log_lines(events: pl.DataFrame) -> pl.DataFrame:
    """Events of the log as lines to check."""
    return events.with_columns((pl.col("price") * pl.col("quantity")).alias("sale"))


def refused_lines(folder: Path, layout: ColumnMapping) -> Iterator[pl.DataFrame]:
    """Every line of events that imports refused, once, however often the same file was imported."""
    seen: set[tuple[str, int, str]] = set()
    for file in sorted(folder.glob("*.jsonl")):
        yield from _refused_of(file, layout, seen)


def _refused_of(file: Path, layout: ColumnMapping, seen: set[tuple[str, int, str]]) -> Iterator[pl.DataFrame]:
    rejects = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    if any(reject.get("read") and "at_ms" not in reject["read"] for reject in rejects):
        return  # items or customers
    new = []
    for reject in rejects:
        key = (file.name[STAMP:], reject["line"], str(reject["row"]))
        if key not in seen:
            seen.add(key)
            new.append(reject)
    if not new:
        return
    old = [reject for reject in new if not reject.get("read")]
    known = [{**reject["read"], **_named(reject)} for reject in new if reject.get("read")]
    if known:
        yield read_lines(pl.DataFrame(known, infer_schema_length=None, strict=False))
    if old:
        rows = pl.DataFrame([reject["row"] for reject in old], infer_schema_length=None, strict=False)
        named = pl.DataFrame([_named(reject) for reject in old])
        yield read_lines(event_columns(rows, layout, "purchase")).hstack(named)


def _named(reject: dict[str, object]) -> dict[str, object]:
    return {"line": reject["line"], "fault": reject["reason"]}


def _file_lines(path: Path, layout: ColumnMapping, kind: str | None, counts: LineCounts) -> Iterable[pl.DataFrame]:
    table = open_table(path)
    layout.check(path, table.columns, needed=needed_columns(kind))
    fault = event_fault(counts.now_ms)
    for chunk in table.chunks(CHUNK_ROWS):
        counts.add_broken(len(chunk.broken), NO_ROW)
        lines = pl.Series("line", chunk.lines, pl.Int64)
        columns = event_columns(chunk.rows, layout, kind)
        yield read_lines(columns).with_columns(fault.alias("fault"), lines)


def _items_of(path: Path, layout: ColumnMapping) -> tuple[Tally, list[Item]]:
    """The catalogue in that file, read as an import would."""
    with TemporaryDirectory() as name:
        store = open_store(Path(name), None)
        tally = import_things(
            path,
            item_shelf(store),
            layout,
            attributes=True,
            rejects=Path(name) / REJECTS,
            progress=lambda lines: None,
        )
        items = list(store.items_since(0))
        store.close()
    return tally, items


def _ids(items: Collection[Item] | None) -> list[str] | None:
    return None if items is None else [item.item_id for item in items]


def _refused_items(tally: Tally) -> Finding:
    count, total = tally.rejected, tally.lines
    reasons = tuple(f"{n:,}: {reason}" for reason, n in tally.reasons.most_common())
    advice = "they will not be in the catalogue; mend them" if count else ""
    return Finding("refused_items", graded(count > 0), "lines of the catalogue refused", count, total, reasons, advice)


def _catalogue(items: Collection[Item] | None) -> Finding:
    there = [] if items is None else [item for item in items if not item.deleted]
    nameless = [item.item_id for item in there if not (item.name or item.category)]
    advice = "import it with `recsys import items FILE`" if not there else ""
    return Finding(
        "catalogue",
        graded(not there or bool(nameless)),
        "items of the catalogue without name and category" if there else "no catalogue: items have no names",
        len(nameless),
        len(there),
        tuple(nameless[:3]),
        "people see them as numbers; fill them in" if nameless else advice,
    )

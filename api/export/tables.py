"""Export of tables: events, items, customers or an audience as one file, page by page in bounded memory."""

import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from api.export.plan import locked_folder
from recsys.atomic_file import PRIVATE_FILE, open_private, replace_file
from recsys.config import spelling_hint
from recsys.data.entities import PURPOSES, Attribute, Item, User
from recsys.data.events import KIND_BY_NAME, Event
from recsys.data.files.destination import LOCK, Destination
from recsys.data.files.table_formats import Schema, TableFormat
from recsys.data.store.base import Store
from recsys.errors import BadInput

TIME: Final = pl.Datetime("ms", "UTC")
PAGE_ROWS = 10_000
ATTRIBUTES = "attributes"
_TEXT_FIELDS = ("name", "category", "brand")
ITEM_FIELDS: Schema = {
    "item_id": pl.String,
    **dict.fromkeys(_TEXT_FIELDS, pl.String),
    **dict.fromkeys(("price", "stock", "cost"), pl.Float64),
    **dict.fromkeys(("available_from", "available_until"), TIME),
}
USER_FIELDS: Schema = {"user_id": pl.String, **dict.fromkeys(PURPOSES, pl.Boolean)}

Progress = Callable[[int, int], None]
Encode = Callable[[TableFormat], Iterator[tuple[bytes, int]]]  # pages of a table, with their rows


@dataclass(frozen=True, slots=True)
class Table:
    """A table to export.  pages: its encoded pages with their rows; n_rows: of all, 0 where nobody knows."""

    schema: Schema
    pages: Encode
    n_rows: int = 0


@dataclass(frozen=True, slots=True)
class TableSummary:
    """What an export of a table did."""

    file: str
    rows: int
    seconds: float


def export_table(table: Table, destination: Destination, home: Path, progress: Progress) -> TableSummary:
    """Writes the table; the file appears when it is whole.  Raises BadInput, BadFile, LogUnavailable."""
    started, n_rows, parts = time.perf_counter(), 0, list[Path]()
    destination.check()
    with locked_folder(destination.work_folder(home)) as folder:
        try:
            _clear(folder.path)
            for number, (content, rows) in enumerate(table.pages(destination.table_format)):
                replace_file(folder.part(number), content, PRIVATE_FILE)
                parts.append(folder.part(number))
                n_rows += rows
                progress(n_rows, table.n_rows)
            whole = folder.path / "whole"
            with open_private(whole, "wb") as out:
                destination.table_format.join(parts, table.schema, out)
            destination.publish(whole)
        except BaseException:
            shutil.rmtree(folder.path)  # nothing here can be gone on with
            raise
    return TableSummary(destination.name, n_rows, round(time.perf_counter() - started, 3))


def _clear(folder: Path) -> None:
    for file in folder.iterdir():
        if file.name != LOCK:
            file.unlink()


def frames_table(frames: Callable[[], Iterable[pl.DataFrame]], schema: Schema, n_rows: int = 0) -> Table:
    """A table of frames with the same columns."""
    return Table(schema, lambda table_format: ((table_format.encode(frame), len(frame)) for frame in frames()), n_rows)


def events_table(
    store: Store,
    *,
    since_ms: int | None,
    until_ms: int | None,
    kinds: Collection[str],
    user_ids: Collection[str] | None = None,
) -> Table:
    """The events of those kinds and customers, or of all, with since_ms <= time < until_ms, in order of the log.

    Raises BadInput.
    """
    condition = pl.lit(True)
    if since_ms is not None:
        condition &= pl.col("at_ms") >= since_ms
    if until_ms is not None:
        condition &= pl.col("at_ms") < until_ms
    if wrong := sorted(set(kinds) - KIND_BY_NAME.keys()):
        raise BadInput(f"--kind {wrong[0]}: there is no such kind; {spelling_hint(wrong[0], KIND_BY_NAME)}")
    if kinds:
        condition &= pl.col("kind").is_in([int(KIND_BY_NAME[kind]) for kind in kinds])
    if user_ids is not None:
        condition &= pl.col("user_id").cast(pl.String).is_in(list(user_ids))
    until_seq = store.head()
    empty = _named_events(pl.DataFrame(schema=_event_schema()))
    return frames_table(
        lambda: (_named_events(frame.filter(condition)) for frame in store.scan(until_seq=until_seq)), empty.schema
    )


def _event_schema() -> Schema:
    from recsys.data.events import EVENT_SCHEMA

    return EVENT_SCHEMA


def _named_events(events: pl.DataFrame) -> pl.DataFrame:
    """Kinds by name and times as moments, under the names of an import."""
    names = {int(kind): name for name, kind in KIND_BY_NAME.items()}
    kind = pl.col("kind").replace_strict(names, default=None, return_dtype=pl.String)
    at = pl.col("at_ms").cast(TIME).alias("at")
    columns = ["at" if name == "at_ms" else name for name in Event._fields]
    return events.with_columns(kind, at).select(columns)


def items_table(store: Store) -> Table:
    """The items that are not deleted, in order of change, with a column for each attribute."""

    def rows() -> Iterator[dict[str, Any]]:
        return (_item_row(item) for item in store.items_since(0) if not item.deleted)

    return _attributes_table(rows, ITEM_FIELDS)


def people_table(users: Callable[[], Iterable[User]]) -> Table:
    """Customers with their consent, null where nobody asked, and a column for each attribute."""
    return _attributes_table(lambda: map(_user_row, users()), USER_FIELDS)


def _item_row(item: Item) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        **{name: getattr(item, name) for name in (*_TEXT_FIELDS, "price", "stock", "cost")},
        "available_from": _moment(item.available_from_ms),
        "available_until": _moment(item.available_until_ms),
        ATTRIBUTES: dict(item.attributes),
    }


def _user_row(user: User) -> dict[str, Any]:
    consent = {purpose: user.consent.get(purpose) for purpose in PURPOSES}
    return {"user_id": user.user_id, **consent, ATTRIBUTES: dict(user.attributes)}


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1_000, UTC)


def _attributes_table(rows: Callable[[], Iterable[dict[str, Any]]], fields: Schema) -> Table:
    """Rows with attributes: an object in JSONL, else columns of text.  `rows` is read twice: for names, then values."""
    column_by_name = _attribute_columns(rows(), fields)
    schema = {**fields, **dict.fromkeys(column_by_name.values(), pl.String)}

    def pages(table_format: TableFormat) -> Iterator[tuple[bytes, int]]:
        remaining = iter(rows())
        while page := list(islice(remaining, PAGE_ROWS)):
            if table_format.name == "jsonl":
                yield b"".join(orjson.dumps(row, option=orjson.OPT_UTC_Z) + b"\n" for row in page), len(page)
            else:
                flat = [_flat(row, column_by_name) for row in page]
                yield table_format.encode(pl.DataFrame(flat, schema=schema, orient="row")), len(page)

    return Table(schema, pages)


def _attribute_columns(rows: Iterable[dict[str, Any]], fields: Schema) -> dict[str, str]:
    """The column of each attribute; one that is called like a field gets a prefix."""
    names = sorted({name for row in rows for name in row[ATTRIBUTES]})
    return {name: f"{ATTRIBUTES}.{name}" if name in fields else name for name in names}


def _flat(row: Mapping[str, Any], column_by_name: Mapping[str, str]) -> dict[str, Any]:
    attributes = {column_by_name[name]: _text(value) for name, value in row[ATTRIBUTES].items()}
    return {name: value for name, value in row.items() if name != ATTRIBUTES} | attributes


def _text(value: Attribute | Sequence[str]) -> str | None:
    """An attribute as a cell: whole numbers without a point, booleans and lists as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return orjson.dumps(value).decode()

"""Import of items and customers from a shop's files; rows that did not change are not stored again."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import polars as pl
import polars.selectors as cs

from recsys.data.entities import Item, User, UserChange
from recsys.data.files.column_mapping import ColumnMapping, as_given_text, as_text
from recsys.data.files.date_order import with_date_orders
from recsys.data.files.formats.file_table import ChunkProgress
from recsys.data.files.numbers import check_decimal, read_number
from recsys.data.files.source import open_source
from recsys.data.store.base import Store
from recsys.privacy.mentions import customer_columns
from training.importing.attribute_types import attribute_text, joined_columns, typed_column
from training.importing.events import CHUNK_ROWS, as_time, doubt_notes, is_given, with_times
from training.importing.rejects import Rejects, Tally
from training.importing.validation import item_fault, user_fault

ITEM_TARGETS = ("item_id", "name", "category", "brand", "price", "stock", "available_from", "available_until", "cost")
NUMBERS = frozenset(("price", "stock", "cost"))
PUT_ROWS = 5_000
NEVER = r"^(0+|0000-00-00.*|0001-01-01.*)$"  # values that stand for no date
ATTRIBUTE = "attribute:"  # before the names of columns that become attributes

Fields = dict[str, Any]
Entity = TypeVar("Entity", Item, User)


@dataclass(frozen=True, slots=True)
class EntitySpec(Generic[Entity]):
    """Import rules of one kind of entity: how to read it from a file, and how to read and put it in the store.

    targets: fields that a column may be mapped to, the id first.  always: fields that the file sets without a column.
    names_no_customer: a column with ids of customers is told.
    """

    targets: tuple[str, ...]
    columns: Callable[[pl.DataFrame, ColumnMapping], pl.DataFrame]
    fault: Callable[[ColumnMapping], pl.Expr]
    always: Fields
    make: Callable[..., Entity]
    stored: Callable[[Store], Iterable[Entity]]
    put: Callable[[Store, Sequence[Entity]], object]
    names_no_customer: bool = False


def import_entities(
    path: Path,
    store: Store,
    spec: EntitySpec[Entity],
    mapping: ColumnMapping,
    *,
    attributes: bool,
    rejects: Path | None,
    progress: ChunkProgress,
) -> Tally:
    """Stores what is new or changed.  A field without a column in the file stays as it is; an empty cell clears it.

    Several lines about one entity are folded: column by column the last cell that is not empty counts; the other lines
    count as known.  With `attributes`, columns without a target become attributes: all, or those of `mapping.kept`.
    The entities of the file are held in memory, as the service holds the catalogue.
    Raises BadFile when the file cannot be read, BadInput when it lacks a column.
    """
    table = open_source(path, mapping, needed=spec.targets[:1])
    mapping = with_date_orders(table, mapping)
    tally, parts, names = Tally(str(path)), list[pl.DataFrame](), dict[str, None]()
    with Rejects(rejects, tally) as refused:
        for chunk in table.filled_chunks(CHUNK_ROWS):
            check_decimal(chunk.rows, mapping, NUMBERS & {*spec.targets})
            columns = spec.columns(chunk.rows, mapping)
            names |= dict.fromkeys(_known_fields(chunk.rows.columns, spec, mapping))
            if attributes:
                free = _free_columns(chunk.rows.columns, spec.targets, mapping)
                columns = columns.hstack(attribute_text(chunk.rows, free, ATTRIBUTE))
            parts.append(refused.keep_good(columns, chunk, spec.fault(mapping)))
            progress(chunk)
    tally.notes += table.notes()
    doubts = [part.select(cs.ends_with(":doubt")) for part in parts]
    tally.notes += doubt_notes([column for part in doubts for column in part], mapping.time_zone)
    fields_by_id = _fields(parts, list(names), tally, mapping)
    n_good = sum(part.height for part in parts)
    tally.notes += _customer_notes(fields_by_id.values(), store) if spec.names_no_customer else []
    changed = _changed({id_: {**spec.always, **fields} for id_, fields in fields_by_id.items()}, spec, store)
    for start in range(0, len(changed), PUT_ROWS):
        spec.put(store, changed[start : start + PUT_ROWS])
    tally.accepted = len(changed)
    tally.known = n_good - tally.accepted
    return tally


def item_columns(rows: pl.DataFrame, mapping: ColumnMapping) -> pl.DataFrame:
    """The file's columns under the names of Item's fields, and `<name>_given` where a cell was not empty.

    An `available_until` that is a day alone is the end of that day; a date that means never (NEVER) is none.
    """
    raw = rows.select(mapping.value(target, rows.columns).alias(target) for target in ITEM_TARGETS)
    texts, numbers = ("name", "category", "brand"), ("price", "stock", "cost")
    times = ("available_from", "available_until")
    never = {name: pl.when(~as_text(pl.col(name)).str.contains(NEVER)).then(name).alias(name) for name in times}
    read = (
        raw.with_columns(*never.values())
        .select(
            as_text(pl.col("item_id")),
            *(as_given_text(pl.col(name)) for name in texts),
            *(is_given(name).alias(f"{name}_given") for name in (*numbers, *times)),
            as_time("available_from", mapping),
            as_time("available_until", mapping, ends_day=True),
        )
        .hstack(rows.select(read_number(name, mapping, rows.columns) for name in numbers))
    )
    return with_times(read, times)


def _free_columns(names: Sequence[str], targets: Sequence[str], mapping: ColumnMapping) -> list[str]:
    """The columns that no target takes for itself; a column that is only a part of a joined target is free, too."""
    taken = {parts[0] for target in targets if len(parts := mapping.sources(target, names)) == 1}
    return [name for name in names if name not in taken and (mapping.kept is None or name in mapping.kept)]


def _known_fields(names: Sequence[str], spec: EntitySpec[Entity], mapping: ColumnMapping) -> list[str]:
    """The fields that the file has a column for."""
    targets = (target for target in spec.targets if mapping.has(target, names))
    return [f"{target}_ms" if target.startswith("available") else target for target in targets]


def _fields(parts: list[pl.DataFrame], names: Sequence[str], tally: Tally, mapping: ColumnMapping) -> dict[str, Fields]:
    """The fields of each entity by its id, which is the first of the names; adds notes to `tally`."""
    if not parts:
        return {}
    good = joined_columns(parts)
    folded = good.group_by(names[0], maintain_order=True).agg(pl.all().drop_nulls().last())
    if folded.height < good.height:
        tally.notes.append(
            f"{good.height - folded.height:,} lines were folded: {good.height:,} lines describe {folded.height:,} "
            f"different {names[0]}; of each column the last cell that is not empty counts"
        )
    rows = folded.select(names).to_dicts()
    attributes = _typed_attributes(folded, tally, mapping).to_dicts() or [{}] * len(rows)
    return {row[names[0]]: {**row, "attributes": values} for row, values in zip(rows, attributes, strict=True)}


def _typed_attributes(folded: pl.DataFrame, tally: Tally, mapping: ColumnMapping) -> pl.DataFrame:
    columns = []
    for column in folded.select(f"^{re.escape(ATTRIBUTE)}.*$"):
        text = column.alias(column.name.removeprefix(ATTRIBUTE))
        typed, note = (text, None) if text.name in mapping.text_columns else typed_column(text, mapping.decimal)
        columns.append(typed)
        tally.notes.extend([note] if note else [])
    return pl.DataFrame(columns)


def _customer_notes(rows: Collection[Fields], store: Store) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row["attributes"])
    columns = {name: [row["attributes"].get(name) for row in rows] for name in names}
    columns |= {name: [row.get(name) for row in rows] for name in ("category", "brand")}
    return [
        f"{name}: most values are ids of customers; leave the column out of the file, or import without attributes "
        "(--no-attributes), because an erasure removes such values one by one"
        for name in customer_columns(columns, store)
    ]


def _changed(fields_by_id: dict[str, Fields], spec: EntitySpec[Entity], store: Store) -> list[Entity]:
    """The entities that are new or differ from the stored ones; removes those that are stored from `fields_by_id`."""
    changed = []
    for stored in spec.stored(store):
        fields = fields_by_id.pop(getattr(stored, spec.targets[0]), None)
        if fields is not None and (updated := _updated(stored, fields)) != stored:
            changed.append(updated)
    return changed + [spec.make(**fields) for fields in fields_by_id.values()]


def _updated(stored: Entity, fields: Fields) -> Entity:
    """The stored entity with the fields of the file; other attributes stay."""
    return replace(stored, **{**fields, "attributes": {**stored.attributes, **fields["attributes"]}})


ITEMS: EntitySpec[Item] = EntitySpec(
    targets=ITEM_TARGETS,
    columns=item_columns,
    fault=item_fault,
    always={"deleted": False},  # a deleted item that the file names is back
    make=Item,
    stored=lambda store: store.items_since(0),
    put=lambda store, items: store.put_items(items),
    names_no_customer=True,
)
USERS: EntitySpec[User] = EntitySpec(
    targets=("user_id",),
    columns=lambda rows, mapping: rows.select(as_text(mapping.value("user_id", rows.columns)).alias("user_id")),
    fault=user_fault,
    always={},
    make=User,
    stored=lambda store: store.users(),
    # only the attributes: a file says nothing of consent, which may have changed meanwhile
    put=lambda store, users: store.change_users(
        [UserChange(user.user_id, user.attributes, is_whole=True) for user in users]
    ),
)

"""Items and customers from a shop's files into the store; what did not change is left alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import polars as pl

from recsys.data.entities import Item, ItemStore, User, UserChange, UserStore
from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.readers import open_table
from recsys.data.files.timestamps import milliseconds
from training.importing.events import CHUNK_ROWS, Progress, as_number, is_given
from training.importing.rejects import Rejects, Tally
from training.importing.validation import item_fault, user_fault

ITEM_TARGETS = ("item_id", "name", "category", "brand", "price", "stock", "available_from", "available_until")
USER_TARGETS = ("user_id",)
PUT_ROWS = 5_000
MARK = "attribute:"

Fields = dict[str, Any]
Thing = TypeVar("Thing", Item, User)


@dataclass(frozen=True, slots=True)
class EntitySpec(Generic[Thing]):
    """How one sort of thing is read from a file, compared with what is stored, and put there."""

    targets: tuple[str, ...]
    columns: Callable[[pl.DataFrame, ColumnMapping], pl.DataFrame]
    fault: pl.Expr
    always: Fields
    id_of: Callable[[Thing], str]
    new: Callable[..., Thing]
    stored: Callable[[], Iterable[Thing]]
    put: Callable[[Sequence[Thing]], object]


def item_shelf(store: ItemStore) -> EntitySpec[Item]:
    return EntitySpec(
        targets=ITEM_TARGETS,
        columns=item_columns,
        fault=item_fault(),
        always={"deleted": False},  # an item that the file names is back
        id_of=lambda item: item.item_id,
        new=Item,
        stored=lambda: store.items_since(0),
        put=store.put_items,
    )


def user_shelf(store: UserStore) -> EntitySpec[User]:
    return EntitySpec(
        targets=USER_TARGETS,
        columns=lambda rows, layout: rows.select(as_text(layout.value("user_id", rows.columns)).alias("user_id")),
        fault=user_fault(),
        always={},
        id_of=lambda user: user.user_id,
        new=User,
        stored=store.users,
        put=lambda users: store.change_users([_change(user) for user in users]),
    )


def _change(user: User) -> UserChange:
    """Consent is not what a file of attributes speaks of: what was said meanwhile stays."""
    return UserChange(user.user_id, user.attributes, is_whole=True)


def import_things(
    path: Path, shelf: EntitySpec[Thing], layout: ColumnMapping, *, attributes: bool, rejects: Path, progress: Progress
) -> Tally:
    """Puts what is new or changed.  What the file has no column for stays as it is stored; an empty cell clears it.

    The last of several lines about one thing counts, the earlier ones are known.  With `attributes`, every column that
    is no target becomes one.  The file's things are held in memory, as the service does with the catalogue.
    Raises BadFile when the file cannot be read, BadInput when it lacks a column.
    """
    table, id_name = open_table(path), shelf.targets[0]
    layout.check(path, table.columns, needed=(id_name,))
    tally, found, n_good = Tally(str(path)), dict[str, Fields](), 0
    with Rejects(rejects, tally) as refused:
        for chunk in table.chunks(CHUNK_ROWS):
            names = chunk.rows.columns
            columns = shelf.columns(chunk.rows, layout)
            if attributes:
                columns = columns.hstack(attribute_columns(chunk.rows, _free(names, shelf.targets, layout)))
            good = refused.keep_good(columns, chunk, shelf.fault)
            n_good += good.height
            found |= {
                fields[id_name]: {**shelf.always, **fields}
                for fields in _fields(good, _known_fields(names, shelf, layout))
            }
            progress(len(chunk.lines) + len(chunk.broken))
    changed = _changed(found, shelf)
    for start in range(0, len(changed), PUT_ROWS):
        shelf.put(changed[start : start + PUT_ROWS])
    tally.accepted = len(changed)
    tally.known = n_good - tally.accepted
    return tally


def item_columns(rows: pl.DataFrame, layout: ColumnMapping) -> pl.DataFrame:
    """The columns the file has, by the names of Item's fields; times with `<name>_given` where there was something."""
    raw = rows.select(layout.value(target, rows.columns).alias(target) for target in ITEM_TARGETS)
    texts, numbers = ("item_id", "name", "category", "brand"), ("price", "stock")
    times = ("available_from", "available_until")
    return raw.select(
        *(as_text(pl.col(name)) for name in texts),
        *(as_number(name) for name in numbers),
        *(is_given(name).alias(f"{name}_given") for name in (*numbers, *times)),
        *(pl.col(name).map_batches(milliseconds, return_dtype=pl.Int64).alias(f"{name}_ms") for name in times),
    )


def attribute_columns(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Those columns as attribute values: text, numbers, booleans and lists of text stay, dates become text."""
    return rows.select(_attribute(name, rows.schema[name]).alias(f"{MARK}{name}") for name in names)


def _attribute(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind.is_integer() or kind == pl.Boolean:
        return column
    if kind.is_float() or kind.is_decimal():
        number = column.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number)
    if isinstance(kind, pl.List | pl.Array):
        return column.cast(pl.List(pl.String))
    return column.struct.json_encode() if isinstance(kind, pl.Struct) else as_text(column)


def _free(names: Sequence[str], targets: Sequence[str], layout: ColumnMapping) -> list[str]:
    """The columns that no target takes for itself; one that is only a part of a joined target is free, too."""
    taken = {parts[0] for target in targets if len(parts := layout.sources(target, names)) == 1}
    return [name for name in names if name not in taken]


def _known_fields(names: Sequence[str], shelf: EntitySpec[Thing], layout: ColumnMapping) -> list[str]:
    """The fields that the file says something about."""
    targets = (target for target in shelf.targets if layout.has(target, names))
    return [f"{target}_ms" if target.startswith("available") else target for target in targets]


def _fields(good: pl.DataFrame, names: Sequence[str]) -> list[Fields]:
    marked = [name for name in good.columns if name.startswith(MARK)]
    attributes = good.select(pl.col(name).alias(name.removeprefix(MARK)) for name in marked).to_dicts()
    rows = good.select(names).to_dicts()
    return [{**row, "attributes": attributes[i] if marked else {}} for i, row in enumerate(rows)]


def _changed(found: dict[str, Fields], shelf: EntitySpec[Thing]) -> list[Thing]:
    """The things that are not stored, or not stored like this; takes those that are stored out of `found`."""
    changed = []
    for stored in shelf.stored():
        told = found.pop(shelf.id_of(stored), None)
        if told is not None and (thing := _told(stored, told)) != stored:
            changed.append(thing)
    return changed + [shelf.new(**told) for told in found.values()]


def _told(stored: Thing, told: Fields) -> Thing:
    """What is stored, with what the file says of it."""
    return replace(stored, **{**told, "attributes": {**stored.attributes, **told["attributes"]}})

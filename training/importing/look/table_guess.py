"""Guess of a table: events, items or customers, and the column of each target, by usual names and by values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.column_names import guess_column, plain_name
from training.importing.entities import ITEM_TARGETS
from training.importing.look.kind_words import guess_kinds
from training.importing.look.value_guess import are_numbers, are_times

EVENT_TARGETS = (
    "user_id", "item_id", "at", "kind", "order_id", "rating", "quantity", "price", "amount", "channel", "event_id",
    "discount", "coupon", "campaign",
)  # fmt: skip
IDS = ("id", "number", "code", "key")  # names of the id of whatever the table is about
MOST_KINDS = 50


@dataclass(frozen=True, slots=True)
class TableGuess:
    """The table, events, items or users, and the column of each target."""

    table: str
    columns: Mapping[str, str]


def text_cells(rows: pl.DataFrame) -> dict[str, pl.Series]:
    """The values of each column as text, and those of the parts of its objects, such as `customer.id`."""
    cells: dict[str, pl.Series] = {}
    for name in rows.columns:
        text = _text(name, rows)
        parts = _parts(name, text)
        cells |= {part: _text(part, rows) for part in parts} or {name: text}
    return cells


def guess_explode(rows: pl.DataFrame) -> str | None:
    """The column of lists that are the lines of an order, or None.

    That is a column of lists of objects with an item, or of lists of ids whose name is that of items in the plural.
    """
    for name in rows.columns:
        first = _first_json(_text(name, rows))
        if not isinstance(first, list) or not first:
            continue
        keys = first[0].keys() if isinstance(first[0], dict) else ()
        if guess_column("item_id", [f"{name}.{key}" for key in keys] or [name.removesuffix("s")]):
            return name
    return None


def guess_table(cells: Mapping[str, pl.Series], explode: str | None) -> TableGuess:
    """The table and its columns.  cells: of `text_cells`.  explode: the column whose lists became rows."""
    events = _guess(EVENT_TARGETS, cells)
    if explode is not None and explode in cells and "item_id" not in events:
        events["item_id"] = explode
    own = _own_id(cells) if explode else _carrying(events, cells)
    if own and "order_id" not in events:
        events["order_id"] = own
    if "item_id" in events and "at" in events and {"user_id", "order_id", "kind"} & events.keys():
        return TableGuess("events", events)
    items = _guess(ITEM_TARGETS, cells)
    if "user_id" in events and "item_id" not in items:
        return TableGuess("users", {"user_id": events["user_id"]})
    if "item_id" not in items and (own := _own_id(cells)):
        items["item_id"] = own
    return TableGuess("items", items)


def _guess(targets: Sequence[str], cells: Mapping[str, pl.Series]) -> dict[str, str]:
    """The column of each target: the one of its name, else one of a usual name, whose values it can hold."""
    chosen: dict[str, str] = {}
    for target in targets:
        taken = {*chosen.values()}
        if target in cells and target not in taken:  # an import takes it, whatever it holds
            chosen[target] = target
            continue
        while name := guess_column(target, [*cells], taken):
            if CHECKS.get(target, _is_given)(cells[name]):
                chosen[target] = name
                break
            taken.add(name)
    dates = (name for name, text in cells.items() if name not in chosen.values() and _are_dates(text))
    if "at" in targets and "at" not in chosen and (name := next(dates, None)):
        chosen["at"] = name
    return chosen


def _own_id(cells: Mapping[str, pl.Series]) -> str | None:
    return next((name for word in IDS for name in cells if plain_name(name) == word), None)


def _carrying(events: Mapping[str, str], cells: Mapping[str, pl.Series]) -> str | None:
    """The column of orders of which only the first line has a customer or a time: it is equal in the line before."""
    shared = [cells[events[target]] for target in ("user_id", "at") if target in events]
    gaps = next((text.is_null() for text in shared if text.null_count()), None)
    if gaps is None:
        return None
    for name, text in cells.items():
        is_same = (text == text.shift()).fill_null(False)
        if name not in events.values() and not text.null_count() and is_same.filter(gaps).all():
            return name if not is_same.all() else None
    return None


def _is_given(text: pl.Series) -> bool:
    return bool(text.count())


def _are_dates(text: pl.Series) -> bool:
    """Whether they are times, and are written as such and not as numbers."""
    return bool(text.count()) and are_times(text) and not are_numbers(text)


def _are_kinds(text: pl.Series) -> bool:
    """Whether at least one of a few words is that of a kind."""
    words = text.drop_nulls().unique()
    return 0 < len(words) <= MOST_KINDS and len(guess_kinds(words.to_list())[1]) < len(words)


def _are_given_times(text: pl.Series) -> bool:
    return _is_given(text) and are_times(text)


def _are_given_numbers(text: pl.Series) -> bool:
    return _is_given(text) and are_numbers(text)


def _text(name: str, rows: pl.DataFrame) -> pl.Series:
    value = ColumnMapping({"column": name}, {}).value("column", rows.columns)
    return rows.select(as_text(value).alias(name)).to_series()


def _parts(name: str, text: pl.Series) -> list[str]:
    """The parts of the objects of a column, or the first elements of its lists; none of plain values."""
    first = _first_json(text)
    if isinstance(first, dict):
        return [f"{name}.{key}" for key, value in first.items() if not isinstance(value, dict | list)]
    return [f"{name}.0"] if isinstance(first, list) else []


def _first_json(text: pl.Series) -> object:
    """The first list or object that is not empty; None in a column of plain values."""
    for value in text.filter(text.str.contains(r"^[\[{].").fill_null(False)).head(MOST_KINDS).to_list():
        try:
            if (read := orjson.loads(value)) and isinstance(read, list | dict):
                return read
        except orjson.JSONDecodeError:
            return None
    return None


CHECKS: Mapping[str, Callable[[pl.Series], bool]] = {
    "at": _are_given_times,
    "kind": _are_kinds,
    **dict.fromkeys(("rating", "quantity", "price", "amount", "discount", "stock", "cost"), _are_given_numbers),
    **dict.fromkeys(("available_from", "available_until"), _are_given_times),
}

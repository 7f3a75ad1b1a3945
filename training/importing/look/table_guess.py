"""Guess of a table: events, items or customers, and the column of each target, by usual names and by values."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.column_names import USUAL_NAMES, guess_column, plain_name
from training.importing.entities import ITEM_TARGETS
from training.importing.look.kind_words import guess_kinds
from training.importing.look.value_guess import NEVER, are_numbers, are_times

EVENT_TARGETS = (
    "user_id", "item_id", "at", "kind", "order_id", "rating", "quantity", "price", "amount", "channel", "event_id",
    "discount", "coupon", "campaign",
)  # fmt: skip
IDS = ("id", "number", "code", "key")  # names of the id of whatever the table is about
MOST_KINDS = 50
OF_EVENTS = {"at", "order_id", "kind", "rating"}
BARCODES = ("ean", "gtin", "barcode", "upc", "eanupc")  # ids of the world, and not of the shop
OF_ORDERS = {"order_id", "kind", "quantity"}  # beside customer and time, targets of events alone
HAS_CLOCK = r"\d:\d|^\d{9,}|\d[T ]\d{4,6}$|^\d+\.\d+$"
CLOCK = r"(?i)^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]\.?m\.?)?$"
CLOCK_NAME = r"time|zeit|heure|hora|ora|tijd|saat|godz"


@dataclass(frozen=True, slots=True)
class TableGuess:
    """The table, events, items or users, and the column of each target.

    unfit: a column with a usual name of a target that has none, because its values are not of that kind.
    """

    table: str
    columns: Mapping[str, str]
    unfit: Mapping[str, str] = field(default_factory=dict)


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
        for path, first in _lists(name, _first_json(_text(name, rows))):
            keys = first[0].keys() if isinstance(first[0], dict) else ()
            if guess_column("item_id", [f"{path}.{key}" for key in keys] or [path.removesuffix("s")]):
                return path
    return None


def _lists(name: str, value: object) -> Iterator[tuple[str, list[Any]]]:
    """The paths to the lists of a column, also within objects, that are not empty."""
    if isinstance(value, list) and value:
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _lists(f"{name}.{key}", part)


def guess_table(cells: Mapping[str, pl.Series], explode: str | None) -> TableGuess:
    """The table and its columns.  cells: of `text_cells`.  explode: the column whose lists became rows."""
    events, unfit = _guess(EVENT_TARGETS, cells)
    if explode is not None and explode in cells and "item_id" not in events:
        events["item_id"] = explode
    own = _own_id(cells) if explode else _carrying(events, cells)
    if own and "order_id" not in events:
        events["order_id"] = own
    if "item_id" in events and "at" in events and {"user_id", "order_id", "kind"} & events.keys():
        return TableGuess("events", events, unfit)
    items, unfit_items = _guess(ITEM_TARGETS, cells)
    if "user_id" in events and "item_id" not in items:
        is_order = "at" in events and OF_ORDERS & events.keys()
        return TableGuess("events", events, unfit) if is_order else TableGuess("users", {"user_id": events["user_id"]})
    if "user_id" in events and (OF_EVENTS & events.keys() or _has_repeated(cells[items["item_id"]])):
        return TableGuess("events", events, unfit)  # a catalogue has an item once
    if plain_name(items.get("item_id", "ean")) in BARCODES and (own := _own_id(cells)):
        items["item_id"] = own
    return TableGuess("items", items, unfit_items)


def with_time_of_day(guess: TableGuess, cells: Mapping[str, pl.Series]) -> tuple[TableGuess, dict[str, pl.Series]]:
    """The guess with day and time of day in one, where two columns hold them; and the cells with both joined."""
    day = guess.columns.get("at", "")
    if day not in cells or not cells[day].count() or cells[day].str.contains(HAS_CLOCK).any():
        return guess, {**cells}
    times = [name for name, text in cells.items() if name not in guess.columns.values() and _are_clocks(text)]
    own = [name for name in times if re.search(CLOCK_NAME, plain_name(name))]
    if not own and len(times) != 1:
        return guess, {**cells}
    both = f"{day}+{(own or times)[0]}"
    joined = pl.DataFrame([cells[day].alias("day"), cells[(own or times)[0]].alias("time")])
    text = joined.select(pl.concat_str("day", "time", separator=" ", ignore_nulls=True)).to_series()
    return replace(guess, columns={**guess.columns, "at": both}), {**cells, both: text.alias(both)}


def _are_clocks(text: pl.Series) -> bool:
    return bool(text.count()) and bool(text.drop_nulls().str.contains(CLOCK).all())


def _has_repeated(text: pl.Series) -> bool:
    return text.drop_nulls().n_unique() < text.count()


def _guess(targets: Sequence[str], cells: Mapping[str, pl.Series]) -> tuple[dict[str, str], dict[str, str]]:
    """The column of each target: the one of its name, else one of a usual name, whose values it can hold.

    Also the columns with a usual name of a target without a column, whose values do not fit.
    """
    chosen: dict[str, str] = {}
    unfit: dict[str, str] = {}
    for target in targets:
        taken = {*chosen.values()}
        if target in cells and target not in taken:  # an import takes it, whatever it holds
            chosen[target] = target
            continue
        while name := guess_column(target, [*cells], taken):
            if CHECKS.get(target, _is_given)(cells[name]):
                chosen[target] = name
                break
            if cells[name].count():
                unfit.setdefault(target, name)
            taken.add(name)
    dates = (name for name, text in cells.items() if name not in chosen.values() and _are_dates(text))
    if "at" in targets and "at" not in chosen and (name := next(dates, None)):
        chosen["at"] = name
    return chosen, {target: name for target, name in unfit.items() if target not in chosen}


def _own_id(cells: Mapping[str, pl.Series]) -> str | None:
    return next((name for word in IDS for name in cells if plain_name(name) == word), None)


def _carrying(events: Mapping[str, str], cells: Mapping[str, pl.Series]) -> str | None:
    """The column of orders of which only the first line has a customer or a time: it is equal in the line before."""
    shared = [cells[events[target]] for target in ("user_id", "at") if target in events]
    gaps = next((text.is_null() for text in shared if text.null_count()), None)
    if gaps is None:
        return None
    taken, of_users = {*events.values()}, USUAL_NAMES["user_id"].split()
    free = (name for name in cells if name not in taken and plain_name(name) not in of_users)
    for name, text in ((name, cells[name]) for name in free):
        is_same = (text == text.shift()).fill_null(False)
        if not text.null_count() and is_same.filter(gaps).all() and not are_times(text):
            return name if not is_same.all() else None
    return None


def _is_given(text: pl.Series) -> bool:
    return bool(text.count()) and _first_json(text) is None


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


def _are_given_dates(text: pl.Series) -> bool:
    """Whether they are times, or dates that mean never."""
    dates = text.filter(~text.str.contains(NEVER))
    return _is_given(text) and (dates.is_empty() or are_times(dates))


def _text(name: str, rows: pl.DataFrame) -> pl.Series:
    value = ColumnMapping({"column": name}, {}).value("column", rows.columns)
    return rows.select(as_text(value).alias(name)).to_series()


def _parts(name: str, text: pl.Series) -> list[str]:
    """The parts of the objects of a column, or the first elements of its lists; none of plain values."""
    first = _first_json(text)
    return [*_paths(name, first)] if isinstance(first, dict) else [f"{name}.0"] if isinstance(first, list) else []


def _paths(name: str, value: object) -> Iterator[str]:
    """The paths to the plain values of an object, also within other objects."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _paths(f"{name}.{key}", part)
    elif not isinstance(value, list):
        yield name


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
    **dict.fromkeys(("available_from", "available_until"), _are_given_dates),
}

"""Validation of events, items and customers before any store writes them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import isfinite
from operator import itemgetter
from typing import Any

from recsys.data.entities import Item, User
from recsys.data.events import Event
from recsys.errors import BadEvent, BadInput, BadItem

MAX_ID = 512  # characters; PostgreSQL cannot index more than some 2,700 bytes
MAX_NUMBER = 1e9  # a quantity times a price fits the single precision of models
MAX_RATING = 1e3  # a rating is a weight: a single huge one would outweigh all others and break training
_INT64 = 2**63
_IDS = ("event_id", "user_id", "item_id")
_TEXTS = ("order_id", "channel", "request_id", "coupon", "campaign")

Columns = dict[str, Sequence[Any]]


def checked_columns(events: Sequence[Event]) -> Columns:
    """The events as columns.  Raises BadEvent with the first event that a store could not keep."""
    # A getter per column: zip(*events) takes five times as long.
    columns: Columns = {name: list(map(itemgetter(at), events)) for at, name in enumerate(Event._fields)}
    if events and not all(_RULES[name](column) for name, column in columns.items()):
        raise _first_bad(events)
    return columns


def flag_new(events: Sequence[Event], new: set[str]) -> list[bool]:
    """Marks the first event of each id in `new`; removes these ids from `new`."""
    flags = []
    for event in events:
        flags.append(event.event_id in new)
        new.discard(event.event_id)
    return flags


def check_item(item: Item) -> None:
    """Raises BadItem for an item that a store could not keep."""
    if not _is_id((item.item_id,)):
        raise BadItem(f"item_id {item.item_id!r:.80}: use 1 to {_LIMITS}")
    if not _are_numbers([value for value in (item.price, item.stock, item.cost) if value is not None]):
        raise BadItem(f"item {item.item_id!r}: price, stock and cost must be numbers up to {MAX_NUMBER:g}")


def check_user(user: User) -> None:
    """Raises BadInput for a customer that a store could not keep."""
    if not _is_id((user.user_id,)):
        raise BadInput(f"user_id {user.user_id!r:.80}: use 1 to {_LIMITS}")


def _first_bad(events: Sequence[Event]) -> BadEvent:
    for event in events:
        for name, value in zip(Event._fields, event, strict=True):
            if not _RULES[name]((value,)):
                fault = f"event {event.event_id!r:.80}: {name} = {value!r:.80} cannot be stored"
                return BadEvent(f"{fault}; {_ADVICE[name]}")
    raise AssertionError("a bad column without a bad event")


def _is_id(column: Sequence[Any]) -> bool:
    return _is_short_text(column) and all(column)


def _is_short_text(column: Sequence[Any]) -> bool:
    if not set(map(type, column)) <= {str} or max(map(len, column)) > MAX_ID:
        return False
    return is_text("".join(column))


def is_text(text: str) -> bool:
    """True if every store can keep and find the text: no NUL, no lone surrogate."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_numbers(column: Sequence[Any], most: float = MAX_NUMBER) -> bool:
    if not _all_have_type(column, (float, int)) or not all(map(isfinite, column)):
        return False
    return max(column, default=0) <= most and min(column, default=0) >= -most


def _all_have_type(column: Iterable[Any], types: tuple[type, ...]) -> bool:
    return all(issubclass(cls, types) for cls in set(map(type, column)))


def _between(low: int, high: int) -> Callable[[Sequence[Any]], bool]:
    return lambda column: _all_have_type(column, (int,)) and low <= min(column) and max(column) < high


def _or_none(rule: Callable[[Sequence[Any]], bool]) -> Callable[[Sequence[Any]], bool]:
    def optional(column: Sequence[Any]) -> bool:
        n_missing = column.count(None)
        if n_missing == len(column):
            return True
        return rule([value for value in column if value is not None] if n_missing else column)

    return optional


_RULES = dict.fromkeys(_TEXTS, _or_none(_is_short_text)) | {
    **dict.fromkeys(_IDS, _is_id),
    "quantity": _are_numbers,
    **dict.fromkeys(("price", "discount"), _or_none(_are_numbers)),
    "rating": _or_none(partial(_are_numbers, most=MAX_RATING)),
    "kind": _between(0, 128),
    "at_ms": _between(-_INT64, _INT64),
}
_LIMITS = f"{MAX_ID} characters without NUL and without lone surrogates"
_ADVICE = dict.fromkeys(_TEXTS, f"use up to {_LIMITS}, or none") | {
    **dict.fromkeys(_IDS, f"use 1 to {_LIMITS}"),
    "quantity": f"use a number up to {MAX_NUMBER:g}",
    **dict.fromkeys(("price", "discount"), f"use a number up to {MAX_NUMBER:g}, or none"),
    "rating": f"use a number from {-MAX_RATING:g} to {MAX_RATING:g}, or none",
    "kind": "use one of the numbers of Kind",
    "at_ms": "use whole Unix milliseconds",
}

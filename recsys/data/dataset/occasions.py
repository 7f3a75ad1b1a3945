"""Occasions of purchase: an order, or without an order id a customer's day (UTC).

Several lines of one occasion about one item are one purchase, however a shop writes its orders: a line per product or
a line per unit.  How often and whether again is counted in occasions; quantities and money are summed over lines.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recsys.arrays import Doubles, Ints, Kinds, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.events import PURCHASE, RETURN, Event
from recsys.data.ids import MISSING
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl

ROUNDING = 1e-9  # of sums of quantities

_Key = tuple[str, str | int]  # item, order id or day


class EventLines(NamedTuple):
    """N events of all kinds, sorted by customer, item, time.

    user, item, at, kind: as in Histories.  basket: as in Interactions, negative without an order id.  quantity: units.
    """

    user: Ints
    item: Ints
    at: Doubles
    kind: Kinds
    basket: Ints
    quantity: Doubles


def occasion_expression() -> "pl.Expr":
    """The occasion of an event, as a number that is unique within its customer; from the columns order_id and at_ms.

    It is the same in every frame of this process, for texts and for categories.
    """
    import polars as pl

    order = pl.col("order_id").cast(pl.Categorical).to_physical().cast(pl.Int64)
    return pl.coalesce(2 * order, 2 * (pl.col("at_ms") // DAY_MS) + 1)


def first_lines(events: "pl.DataFrame", *, orders_only: bool = False) -> "pl.DataFrame":
    """The events with each item of an occasion of purchase once, its first line; other kinds as they are.

    Columns: user_id, item_id, kind, at_ms, order_id.  orders_only: lines without an order id stay, too; who looks for
    robots must see them.
    """
    import polars as pl

    line = pl.struct("user_id", "item_id", "kind", occasion_expression().alias("occasion"))
    stays = (pl.col("kind") != PURCHASE) | (pl.col("order_id").is_null() & orders_only)
    return events.filter(stays | line.is_first_distinct())


def number_occasions(user: Ints | Longs, at: Doubles, basket: Ints) -> Longs:
    """Equal numbers are one occasion.  user, at (days since 1970), basket as in EventLines: (N,) each -> (N,)"""
    day = np.floor(at).astype(np.int64)
    first = int(day.min(initial=0))
    by_day = user.astype(np.int64) * (int(day.max(initial=0)) - first + 1) + day - first
    return np.where(basket >= 0, basket, -1 - by_day)


def merge_lines(lines: EventLines) -> Longs:
    """The event that stands for each event, itself for most; MISSING for a return of some of the units.  (N,) -> (N,)

    The first line of an occasion stands for all purchases of the item in it.  A return belongs to the purchase of the
    same order, else to the last one before it; when all units are back, the last return stands for them.
    """
    occasion, standing = number_occasions(lines.user, lines.at, lines.basket), np.arange(len(lines.item))
    bought = np.flatnonzero(lines.kind == PURCHASE)
    standing[bought] = _first_of_occasion(bought, occasion, lines.item)
    back, target = returned_purchases(lines, standing)
    if len(back):
        is_alone = target == MISSING  # its purchase was before the log
        target[is_alone] = _first_of_occasion(back[is_alone], occasion, lines.item)
        n_bought = np.bincount(standing[bought], lines.quantity[bought], len(standing))
        n_back = np.bincount(target, lines.quantity[back], len(standing))
        last = np.full(len(standing), MISSING)
        last[target] = back  # of several, the last one is written last
        standing[back] = np.where(n_back[target] >= n_bought[target] - ROUNDING, last[target], MISSING)
    return standing


def _first_of_occasion(rows: Longs, occasion: Longs, item: Ints) -> Longs:
    """The first of the rows with the same occasion and item, for each of them.  (M,) -> (M,)"""
    order = np.lexsort((item[rows], occasion[rows]))
    ordered = rows[order]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (np.diff(occasion[ordered]) != 0) | (np.diff(item[ordered]) != 0)
    first = np.empty_like(rows)
    first[order] = ordered[is_first][np.cumsum(is_first) - 1]
    return first


def returned_purchases(lines: EventLines, standing: Longs) -> tuple[Longs, Longs]:
    """The returns, and the event that stands for the purchase of each, MISSING where the log has none.  (M,), (M,)

    standing (N,): see `merge_lines`.
    """
    bought, back = (np.flatnonzero(lines.kind == kind) for kind in (PURCHASE, RETURN))
    if not len(back):
        return back, back
    last = np.full(len(lines.item), MISSING)
    last[bought] = bought
    before = np.maximum.accumulate(last)[back]
    is_own = (before != MISSING) & (lines.user[before] == lines.user[back]) & (lines.item[before] == lines.item[back])
    target = np.where(is_own, standing[before], MISSING)
    cell = lines.basket.astype(np.int64) * (int(lines.item.max(initial=0)) + 1) + lines.item
    ordered = bought[np.argsort(cell[bought], kind="stable")]
    place = cell[ordered].searchsorted(cell[back])
    same = ordered[np.minimum(place, len(ordered) - 1)] if len(ordered) else np.zeros(len(back), np.int64)
    is_same = (lines.basket[back] >= 0) & (lines.kind[same] == PURCHASE) & (cell[same] == cell[back])
    return back, np.where(is_same, standing[same], target)


def is_counted(history: Histories, events: Sequence[Event], item: Sequence[int], kind: Sequence[int]) -> list[bool]:
    """Which events of one customer after those of the history count, by the rules of `merge_lines`.  (N,) -> (N,)

    events: oldest first; item, kind (N,): of each.  Units that the history holds are unknown: one return sends it back.
    """
    counted = [True] * len(events)
    rows = [row for row, code in enumerate(kind) if code in (PURCHASE, RETURN)]
    keys = {row: _occasion_key(events[row]) for row in rows}
    n_bought: dict[_Key, float] = {}
    n_back: dict[_Key, float] = {}
    next_day_ms = (np.floor(history.at.max(initial=-np.inf)) + 1) * DAY_MS if rows else 0.0
    for row in rows:
        if events[row].kind == PURCHASE:
            is_known = events[row].at_ms < next_day_ms and _is_of_history(history, events[row], item[row])
            counted[row] = not is_known and keys[row] not in n_bought
            n_bought[keys[row]] = n_bought.get(keys[row], 0.0) + events[row].quantity
    last_bought: dict[str, _Key] = {}
    last_back: dict[_Key, int] = {}
    for row, key in keys.items():
        if events[row].kind == PURCHASE:
            last_bought[key[0]] = key
            continue
        alone = key[0], f"\x1f{key[1]}"  # its purchase was before these events; one later that day is another
        target = key if key in n_bought and events[row].order_id is not None else last_bought.get(key[0], alone)
        n_back[target] = n_back.get(target, 0.0) + events[row].quantity
        counted[last_back.get(target, row)] = False
        counted[row] = n_back[target] >= n_bought.get(target, 0.0) - ROUNDING
        last_back[target] = row
    return counted


def _occasion_key(event: Event) -> _Key:
    return event.item_id, event.at_ms // DAY_MS if event.order_id is None else event.order_id


def _is_of_history(history: Histories, event: Event, item: int) -> bool:
    """Whether the history holds a purchase of the item in the same occasion; it knows orders by their time alone."""
    own = slice(*history.item.searchsorted((item, item + 1)).tolist())
    at = history.at[own][history.kind[own] == PURCHASE]
    same = at == event.at_ms / DAY_MS if event.order_id is not None else np.floor(at) == event.at_ms // DAY_MS
    return bool(same.any())

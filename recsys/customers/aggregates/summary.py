"""Customer summary: quantiles, RFM grid, groups, ABC, stages and value with the month's flow, and concentration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Longs
from recsys.customers.aggregates.disclosure import shown_cells
from recsys.customers.groups import SHORT_GROUPS
from recsys.customers.population import MIN_GROUP
from recsys.customers.prediction.scored import UNKNOWN, CustomerScores
from recsys.customers.prediction.value import CLASSES
from recsys.customers.scores import ABC_LETTERS, QUINTILES
from recsys.customers.scores import UNKNOWN as UNSCORED
from recsys.customers.stages import Stage
from recsys.customers.table import MONTH_DAYS, CustomerTable

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
STAGES = tuple(stage.name.lower() for stage in Stage)
NO_CELL = -1  # of a customer whom no cell of a table counts
TOP_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the customers


def summarize_customers(table: CustomerTable, scores: CustomerScores) -> dict[str, Any]:
    """The sums as JSON types.  What tells of fewer than MIN_GROUP customers is null, also where a subtraction would.

    scores: of the same customers, or empty; then nothing is said about value.
    """
    counted, buyers = table.is_counted, table.is_counted & table.has_bought()
    base = counted if _may_be_shown(counted & ~buyers) and _may_be_shown(counted) else buyers
    return {
        "as_of": table.as_of_ms,
        "customers": _count(base) if base is counted else None,
        "buyers": _count(buyers),
        "revenue": round(float(table.money[buyers].sum()), 2) if _may_be_shown(buyers) else None,
        "quantiles": _quantiles(table, buyers),
        **_rfm_sums(table, buyers),
        "abc": _parts(table, buyers, table.abc, tuple(ABC_LETTERS)),
        **_stage_sums(table, base),
        **_value_sums(table, scores, base),
        "concentration": concentration(table.money[buyers]),
    }


@dataclass(slots=True)
class KeptSummary:
    """The summary of the table that was asked for last, which a release never changes: of a million it takes seconds.

    Any thread may use it: two that begin at once do the work twice.
    """

    _kept: tuple[CustomerTable, dict[str, Any]] | None = None

    def read(self, table: CustomerTable, scores: CustomerScores) -> dict[str, Any]:
        """See `summarize_customers`."""
        kept = self._kept
        if kept is None or kept[0] is not table:
            kept = self._kept = table, summarize_customers(table, scores)
        return kept[1]


def _may_be_shown(members: Bools) -> bool:
    n = int(members.sum())
    return n == 0 or n >= MIN_GROUP


def _count(members: Bools) -> int | None:
    return int(members.sum()) if _may_be_shown(members) else None


def _known(table: CustomerTable, base: Bools) -> list[Bools]:
    """The groups of `base` whose sizes the summary tells: all, and the buyers."""
    buyers = table.has_bought()[base]
    return [base[base], buyers] if _may_be_shown(buyers) else [base[base]]


def _rfm_sums(table: CustomerTable, buyers: Bools) -> dict[str, Any]:
    """Groups and the grid of recency and frequency, of the same customers."""
    r, f = (score[buyers].astype(np.int64) for score in (table.recency_score, table.frequency_score))
    grid = np.where(r == UNSCORED, NO_CELL, (r - 1) * QUINTILES + f - 1)
    names, short = table.grouping.names, SHORT_GROUPS
    codes = ((grid, QUINTILES**2), (table.group[buyers], len(names)), (table.short_group[buyers], len(short)))
    shown = shown_cells(codes, [buyers[buyers]])
    money = table.money[buyers]
    cells, groups, short_groups = (
        _sums(code, money, are_shown) for (code, _), are_shown in zip(codes, shown, strict=True)
    )
    return {
        "rfm_grid": [
            {"r": cell // QUINTILES + 1, "f": cell % QUINTILES + 1, **sums} for cell, sums in enumerate(cells)
        ],
        "groups": _named(names, groups),
        "short_groups": _named(short, short_groups),
    }


def _stage_sums(table: CustomerTable, base: Bools) -> dict[str, Any]:
    """Stages, and the moves between them."""
    moves = _moves(table.month_stage[base], table.stage[base], len(STAGES))
    codes = ((table.stage[base], len(STAGES)), (moves, len(STAGES) ** 2))
    stages, flow = shown_cells(codes, _known(table, base))
    if base is not table.is_counted:
        stages[Stage.POTENTIAL] = False  # they are too few, so that `base` leaves them out
    return {
        "stages": _named(STAGES, _sums(table.stage[base], table.money[base], stages)),
        "flow": _flow(moves, STAGES, flow),
    }


def _value_sums(table: CustomerTable, scores: CustomerScores, base: Bools) -> dict[str, Any]:
    """The classes of value and their flow, None without values."""
    if scores.value_method_name() is None:
        return {"value_classes": None, "value_flow": None}
    now, before, size = scores.value_class[base], scores.value_class_before[base], len(CLASSES)
    moves = np.where((now == UNKNOWN) | (before == UNKNOWN), NO_CELL, _moves(before, now, size))
    classes, flow = shown_cells(((now, size), (moves, size**2)), _known(table, base))
    return {
        "value_classes": _named(CLASSES, _sums(now, table.money[base], classes)),
        "value_flow": _flow(moves, CLASSES, flow),
    }


def _parts(table: CustomerTable, members: Bools, codes: AnyArray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    own = codes[members].astype(np.int64)
    (shown,) = shown_cells([(own, len(names))], [members[members]])
    return _named(names, _sums(own, table.money[members], shown))


def _sums(cell: AnyArray, money: Doubles, shown: Bools) -> list[dict[str, Any]]:
    """Customers and revenue of each cell, None where it is not shown.  cell, money (N,), shown (C,)"""
    inside = (cell >= 0) & (cell < len(shown))
    n = np.bincount(cell[inside], minlength=len(shown)).tolist()
    total = np.bincount(cell[inside], money[inside], len(shown)).tolist()
    return [
        {"customers": n[at] if is_shown else None, "revenue": round(total[at], 2) if is_shown else None}
        for at, is_shown in enumerate(shown.tolist())
    ]


def _named(names: Sequence[str], sums: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, **each} for name, each in zip(names, sums, strict=True)]


def _moves(before: AnyArray, now: AnyArray, size: int) -> Longs:
    """The cell of each move, NO_CELL for those who stayed.  (N,), (N,) -> (N,)"""
    return np.where(before == now, NO_CELL, before.astype(np.int64) * size + now)


def _flow(moves: Longs, names: Sequence[str], shown: Bools) -> dict[str, Any]:
    """How many customers moved from which stage or class to which in MONTH_DAYS."""
    size, n = len(names), np.bincount(moves[moves >= 0], minlength=len(names) ** 2)
    cells = np.flatnonzero(n).tolist()
    moved = [
        {"from": names[cell // size], "to": names[cell % size], "customers": int(n[cell]) if shown[cell] else None}
        for cell in cells
    ]
    return {"days": MONTH_DAYS, "moves": moved}


def _quantiles(table: CustomerTable, buyers: Bools) -> dict[str, dict[str, float] | None]:
    columns = {
        "recency_days": table.recency_days(),
        "orders": table.n_orders.astype(np.float64),
        "money": table.money,
        "money_per_order": table.money / np.maximum(table.n_orders, 1),
        "gap_days": table.gap_days,
    }
    return {name: _cuts(values[buyers & np.isfinite(values)]) for name, values in columns.items()}


def _cuts(values: Doubles) -> dict[str, float] | None:
    if len(values) < MIN_GROUP:
        return None
    return {
        f"{cut:.0%}": round(float(value), 2)
        for cut, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)
    }


def concentration(money: Doubles) -> dict[str, Any] | None:
    """Share of the revenue that the best customers bring, and the Gini coefficient; None for few customers or no money.

    A share of fewer than MIN_GROUP customers, or of all but so few, is None.
    Gini: 0 where all bring the same, towards 1 where one brings all (Gini 1912, by the mean difference).
    """
    n, total = len(money), float(money.sum())
    if n < MIN_GROUP or total <= 0:
        return None
    rising = np.sort(money)
    best = {f"{share:.0%}": round(share * n) for share in TOP_SHARES}
    shares = {
        name: round(float(rising[n - k :].sum()) / total, 4) if MIN_GROUP <= k <= n - MIN_GROUP else None
        for name, k in best.items()
    }
    gini = float((2 * np.arange(1, n + 1) - n - 1) @ rising) / (n * total)
    return {"top": shares, "gini": round(gini, 4)}

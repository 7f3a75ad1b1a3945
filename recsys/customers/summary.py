"""Customer summary: quantiles, RFM grid, groups, ABC, stages and value with the month's flow, and concentration."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles
from recsys.customers.card import MIN_CUSTOMERS
from recsys.customers.groups import SHORT_GROUPS
from recsys.customers.prediction.scored import UNKNOWN, CustomerScores
from recsys.customers.prediction.value import CLASSES
from recsys.customers.scores import ABC_LETTERS, QUINTILES
from recsys.customers.stages import Stage
from recsys.customers.table import MONTH_DAYS, CustomerTable

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
STAGES = tuple(stage.name.lower() for stage in Stage)
TOP_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the customers


def summarize_customers(table: CustomerTable, scores: CustomerScores) -> dict[str, Any]:
    """The sums as JSON types.  A part of fewer than MIN_CUSTOMERS customers has null in place of its numbers.

    scores: of the same customers, or empty; then nothing is said about value.
    """
    counted, buyers = table.is_counted, table.is_counted & table.has_bought()
    return {
        "as_of": table.as_of_ms,
        "customers": int(counted.sum()),
        "buyers": int(buyers.sum()),
        "revenue": round(float(table.money[buyers].sum()), 2),
        "quantiles": _quantiles(table, buyers),
        "rfm_grid": [
            {"r": r, "f": f, **_part(table, buyers & (table.recency_score == r) & (table.frequency_score == f))}
            for r in range(1, QUINTILES + 1)
            for f in range(1, QUINTILES + 1)
        ],
        "groups": _parts(table, buyers, table.group, table.grouping.names),
        "short_groups": _parts(table, buyers, table.short_group, SHORT_GROUPS),
        "abc": _parts(table, buyers, table.abc, tuple(ABC_LETTERS)),
        "stages": _parts(table, counted, table.stage, STAGES),
        "flow": _flow(table.month_stage[counted], table.stage[counted], STAGES),
        **_value_sums(table, scores, counted),
        "concentration": concentration(table.money[buyers]),
    }


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
    if len(values) < MIN_CUSTOMERS:
        return None
    return {
        f"{cut:.0%}": round(float(value), 2)
        for cut, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)
    }


def _parts(table: CustomerTable, counted: Bools, codes: AnyArray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"name": name, **_part(table, counted & (codes == code))} for code, name in enumerate(names)]


def _part(table: CustomerTable, members: Bools) -> dict[str, Any]:
    n = int(members.sum())
    if 0 < n < MIN_CUSTOMERS:
        return {"customers": None, "revenue": None}
    return {"customers": n, "revenue": round(float(table.money[members].sum()), 2)}


def _value_sums(table: CustomerTable, scores: CustomerScores, counted: Bools) -> dict[str, Any]:
    """The classes of value and their flow, None without values."""
    if scores.value_method_name() is None:
        return {"value_classes": None, "value_flow": None}
    known = counted & (scores.value_class != UNKNOWN) & (scores.value_class_before != UNKNOWN)
    return {
        "value_classes": _parts(table, counted, scores.value_class, CLASSES),
        "value_flow": _flow(scores.value_class_before[known], scores.value_class[known], CLASSES),
    }


def _flow(before: AnyArray, now: AnyArray, names: Sequence[str]) -> dict[str, Any]:
    """How many customers moved from which stage or class to which in MONTH_DAYS, without those who stayed."""
    size = len(names)
    cells = np.bincount(before.astype(np.int64) * size + now, minlength=size**2)
    moves = [
        {
            "from": names[cell // size],
            "to": names[cell % size],
            "customers": int(n) if n >= MIN_CUSTOMERS else None,
        }
        for cell, n in enumerate(cells.tolist())
        if n and cell // size != cell % size
    ]
    return {"days": MONTH_DAYS, "moves": moves}


def concentration(money: Doubles) -> dict[str, Any] | None:
    """Share of the revenue that the best customers bring, and the Gini coefficient; None for few customers or no money.

    Gini: 0 where all bring the same, towards 1 where one brings all (Gini 1912, by the mean difference).
    """
    n, total = len(money), float(money.sum())
    if n < MIN_CUSTOMERS or total <= 0:
        return None
    rising = np.sort(money)
    shares = {
        f"{share:.0%}": round(float(rising[n - max(1, round(share * n)) :].sum()) / total, 4) for share in TOP_SHARES
    }
    gini = float((2 * np.arange(1, n + 1) - n - 1) @ rising) / (n * total)
    return {"top": shares, "gini": round(gini, 4)}

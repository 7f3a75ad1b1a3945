"""Segment columns: the figures of customers that a segment may compare, by the names of the table of people."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Final, NamedTuple

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles
from recsys.customers.groups import SHORT_GROUPS
from recsys.customers.people import stage_names
from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.prediction.value import CLASSES
from recsys.customers.scores import ABC_LETTERS
from recsys.customers.stages import NEVER
from recsys.customers.table import CustomerTable
from recsys.ranking.filters.expression import AllOf, AnyOf, Condition, FilterExpression, Not
from recsys.ranking.filters.values import FieldKind
from recsys.time_units import DAY_MS


class TextColumn(NamedTuple):
    """codes (N,): places in words, below 0 without a value."""

    codes: AnyArray
    words: Sequence[str]


class Figures(NamedTuple):
    """What columns are read from: N customers, and the category names by code."""

    table: CustomerTable
    scores: CustomerScores
    categories: Sequence[str]


class SegmentColumn(NamedTuple):
    """A figure of customers.  words: all values of a text, None where the catalogue or the settings have them.

    needs_scores: a prediction, which a release may lack.
    """

    kind: FieldKind
    read: Callable[[Figures], TextColumn | Doubles]
    words: tuple[str, ...] | None = None
    needs_scores: bool = False


def _number(name: str, figures: Figures) -> Doubles:
    values: Doubles = getattr(figures.table, name).astype(np.float64)
    return values


def _score(name: str, figures: Figures) -> Doubles:
    """1 to 5; NaN where unknown."""
    values = _number(name, figures)
    return np.where(values > 0, values, np.nan)


def _moment(name: str, unit_ms: int, figures: Figures) -> Doubles:
    values = _number(name, figures)
    return np.where(values == NEVER, np.nan, values * unit_ms)


def _money_per_order(figures: Figures) -> Doubles:
    n = figures.table.n_orders
    return np.where(n > 0, figures.table.money / np.maximum(n, 1), np.nan)


def _discount_share(figures: Figures) -> Doubles:
    full = figures.table.money + figures.table.discount
    return np.where(full > 0, figures.table.discount / np.where(full > 0, full, 1.0), np.nan)


def _words(name: str, words: tuple[str, ...], figures: Figures) -> TextColumn:
    return TextColumn(getattr(figures.table, name), words)


def _groups(figures: Figures) -> TextColumn:
    return TextColumn(figures.table.group, figures.table.grouping.names)


def _abc(figures: Figures) -> TextColumn:
    codes = figures.table.abc.astype(np.int8)
    return TextColumn(np.where(codes < len(ABC_LETTERS), codes, -1), ABC_LETTERS)


def _category(figures: Figures) -> TextColumn:
    codes = figures.table.top_category
    return TextColumn(np.where(codes > 0, codes, -1), figures.categories)


def _predicted(name: str, figures: Figures) -> Doubles:
    values: Doubles = getattr(figures.scores, name)
    return values


def _class(name: str, figures: Figures) -> TextColumn:
    return TextColumn(getattr(figures.scores, name), CLASSES)


def _amount(name: str) -> SegmentColumn:
    return SegmentColumn("number", partial(_number, name))


def _stage(name: str) -> SegmentColumn:
    return SegmentColumn("text", partial(_words, name, stage_names()), stage_names())


def _prediction(name: str) -> SegmentColumn:
    return SegmentColumn("number", partial(_predicted, name), needs_scores=True)


COLUMNS: Final[Mapping[str, SegmentColumn]] = {
    "stage": _stage("stage"),
    "stage_before": _stage("previous_stage"),
    "stage_28_days_ago": _stage("month_stage"),
    "rfm_group": SegmentColumn("text", _groups),
    "short_group": SegmentColumn("text", partial(_words, "short_group", SHORT_GROUPS), SHORT_GROUPS),
    "abc": SegmentColumn("text", _abc, tuple(ABC_LETTERS)),
    "top_category": SegmentColumn("text", _category),
    "r": SegmentColumn("number", partial(_score, "recency_score")),
    "f": SegmentColumn("number", partial(_score, "frequency_score")),
    "m": SegmentColumn("number", partial(_score, "money_score")),
    "recency_days": SegmentColumn("number", lambda figures: figures.table.recency_days()),
    "orders": _amount("n_orders"),
    "purchase_days": _amount("n_days"),
    "money": _amount("money"),
    "money_per_order": SegmentColumn("number", _money_per_order),
    "discount": _amount("discount"),
    "discount_share": SegmentColumn("number", _discount_share),
    "margin": _amount("margin"),
    "gap_days": _amount("gap_days"),
    "items": _amount("n_items"),
    "categories": _amount("n_categories"),
    "price_level": _amount("price_level"),
    "first_seen": SegmentColumn("time", partial(_moment, "first_seen_ms", 1)),
    "first_order": SegmentColumn("time", partial(_moment, "first_at_ms", 1)),
    "last_order": SegmentColumn("time", partial(_moment, "last_at_ms", 1)),
    "stage_since": SegmentColumn("time", partial(_moment, "since_day", DAY_MS)),
    "value": _prediction("value"),
    "value_class": SegmentColumn("text", partial(_class, "value_class"), CLASSES, needs_scores=True),
    "value_class_before": SegmentColumn("text", partial(_class, "value_class_before"), CLASSES, needs_scores=True),
    **{f"churn_{days}": _prediction(f"churn_{days}") for days in (28, 56, 91)},
    **{f"propensity_{days}": _prediction(f"propensity_{days}") for days in (7, 14, 28)},
    "cluster": SegmentColumn("number", lambda figures: _cluster(figures), needs_scores=True),
}
ALIASES: Final = {"rfm": "rfm_group", "group": "rfm_group", "recency": "recency_days", "frequency": "purchase_days"}

_COMPARISONS: Final[Mapping[str, Callable[[AnyArray, float], Bools]]] = {
    "gte": np.greater_equal,
    "gt": np.greater,
    "lte": np.less_equal,
    "lt": np.less,
}


def _cluster(figures: Figures) -> Doubles:
    clusters = figures.scores.cluster
    return np.where(clusters < 0, np.nan, clusters)


def passing_rows(test: FilterExpression, column: TextColumn | Doubles) -> Bools:
    """The customers whose value passes; one without a value passes no comparison.  (N,)"""
    n = len(column.codes) if isinstance(column, TextColumn) else len(column)
    match test:
        case AllOf(parts):
            return reduce(np.logical_and, (passing_rows(part, column) for part in parts), np.ones(n, bool))
        case AnyOf(parts):
            return reduce(np.logical_or, (passing_rows(part, column) for part in parts), np.zeros(n, bool))
        case Not(part):
            return ~passing_rows(part, column)
        case Condition(_, operator, operand):
            return _passes(operator, operand, column)


def _passes(operator: str, operand: object, column: TextColumn | Doubles) -> Bools:
    if isinstance(column, TextColumn):
        known = np.asarray(column.codes >= 0)
        if operator == "exists":
            return known
        words = operand if isinstance(operand, tuple) else ()
        codes = [code for code, word in enumerate(column.words) if word in words]
        mask = np.isin(column.codes, codes)
        return mask | ~known if "" in words else mask
    if operator == "exists":
        return ~np.isnan(column)
    if operator == "in":
        return np.isin(column, np.array(operand, np.float64))
    assert isinstance(operand, float | int)
    return _COMPARISONS[operator](column, operand)

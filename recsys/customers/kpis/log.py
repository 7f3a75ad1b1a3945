"""Log of the key figures: orders, categories, steps of the funnel and answers of all who count, with its moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Kinds, Longs
from recsys.customers.kpis.counted.live import read_rows
from recsys.customers.kpis.counted.rows import CountedRows, column_array, count_rows, postings_of
from recsys.customers.orders import Orders, sum_orders
from recsys.customers.population import read_population
from recsys.data.facts import Fact, FactKind
from recsys.data.guests import PREFIX
from recsys.data.ids import IdMap
from recsys.data.store.base import Store
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class FunnelSteps:
    """S steps, sorted by day, each once a day: customer, channel (S,) int32, step (S,) int8, day (S,) int64.

    channel: a place in `channels`.
    """

    customer: Ints
    step: Kinds
    channel: Ints
    day: Longs
    channels: Sequence[str]


@dataclass(frozen=True, slots=True)
class CategoryLines:
    """L sums of purchases with a known category by `pair` (customer and category) and day, sorted by these; (L,) each.

    pair: customer * n_categories + category.  units, money (L + 1,): of the lines before each, money before discounts.
    first: of the lines of the pair.  by_day: their order by day; days: in that order.
    """

    n_categories: int
    pair: Longs
    day: Longs
    units: Doubles
    money: Doubles
    first: Longs
    by_day: Longs
    days: Longs

    def spans(self, start_ms: int, end_ms: int) -> tuple[Longs, Longs, Longs]:
        """The pairs with a line on these whole days: the first of all their lines, and their first and next one there.

        Returns (G,) each, by rising pair.
        """
        first, last = self.days.searchsorted((start_ms // DAY_MS, end_ms // DAY_MS))
        rows = np.sort(self.by_day[first:last])
        is_start = np.ones(len(rows), bool)
        is_start[1:] = self.pair[rows[1:]] != self.pair[rows[:-1]]
        starts = np.flatnonzero(is_start)
        ends = np.append(starts[1:], len(rows))
        begin, n = rows[starts], (ends - starts).astype(np.int64)
        return self.first[begin], begin, begin + n

    def customer(self, rows: Longs) -> Longs:
        """Whose lines these are."""
        return self.pair[rows] // self.n_categories


@dataclass(frozen=True, slots=True)
class SurveyAnswers:
    """A answers in order of arrival: customer (A,), at_ms (A,), score (A,); is_nps (A,), else csat."""

    customer: Longs
    at_ms: Longs
    score: Doubles
    is_nps: Bools


@dataclass(frozen=True, slots=True)
class KpiLog:
    """U customers from begins_ms until as_of_ms, without guests and without those who refused personalisation.

    orders: see `Orders`; by_time (O,): their order by time; times (O,): in that order.
    """

    begins_ms: int
    as_of_ms: int
    users: IdMap
    orders: Orders
    by_time: Longs
    times: Longs
    lines: CategoryLines
    steps: FunnelSteps
    answers: SurveyAnswers

    @property
    def n_customers(self) -> int:
        return len(self.users)

    def order_rows(self, start_ms: int, end_ms: int) -> Longs:
        """The orders with start <= time < end."""
        first, last = self.times.searchsorted((start_ms, end_ms))
        return self.by_time[first:last]

    def has_bought(self, start_ms: int, end_ms: int) -> Bools:
        """Which customers have an order in that time.  (U,)"""
        mask = np.zeros(self.n_customers, bool)
        mask[self.orders.customer[self.order_rows(start_ms, end_ms)]] = True
        return mask


def read_kpi_log(store: Store, home: Path | None, file: Path | None) -> KpiLog:
    """The log of all who count, up to just after the last event.  Raises NotEnoughData, LogUnavailable.

    home: whose live release spares reading the whole log.
    """
    rows = count_rows(read_population(store, file)) if home is None else read_rows(store, home, file)
    return build_kpi_log(rows, read_surveys(store))


def read_surveys(store: Store) -> list[Fact]:
    """The answers of all who count, in order of arrival.  Raises LogUnavailable."""
    refusing = {user.user_id for user in store.users() if not user.is_personal}
    return [fact for page in store.fact_pages() for fact in page if _is_answer(fact) and fact.user_id not in refusing]


def _is_answer(fact: Fact) -> bool:
    return fact.kind == FactKind.SURVEY and fact.ref in ("nps", "csat") and not fact.user_id.startswith(PREFIX)


def build_kpi_log(rows: CountedRows, facts: Iterable[Fact] = ()) -> KpiLog:
    """The log of these rows and the answers among the facts."""
    surveys = list(filter(_is_answer, facts))
    rows = rows.with_customers(fact.user_id for fact in surveys)
    users, (begins_ms, last_ms) = rows.users, rows.span_ms()
    orders = sum_orders(postings_of(rows.postings), len(users))
    by_time = np.argsort(orders.at_ms, kind="stable")
    return KpiLog(
        begins_ms=begins_ms,
        as_of_ms=last_ms + 1,
        users=users,
        orders=orders,
        by_time=by_time,
        times=orders.at_ms[by_time],
        lines=_category_lines(rows.lines),
        steps=_funnel_steps(rows.steps),
        answers=_survey_answers(surveys, users),
    )


def _category_lines(lines: "pl.DataFrame") -> CategoryLines:
    code, names = _codes(lines["category"])
    n_categories = max(len(names), 1)
    pair = column_array(lines, "customer").astype(np.int64) * n_categories + code
    day = column_array(lines, "day").astype(np.int64)
    order = np.lexsort((day, pair))
    pair, day = pair[order], day[order]
    is_first = np.ones(len(pair), bool)
    is_first[1:] = pair[1:] != pair[:-1]
    units, money = (np.cumsum(column_array(lines, name)[order]) for name in ("units", "money"))
    by_day = np.argsort(day, kind="stable")
    return CategoryLines(
        n_categories=n_categories,
        pair=pair,
        day=day,
        units=np.concatenate(([0.0], units)),
        money=np.concatenate(([0.0], money)),
        first=np.maximum.accumulate(np.where(is_first, np.arange(len(pair)), 0)),
        by_day=by_day,
        days=day[by_day],
    )


def _funnel_steps(steps: "pl.DataFrame") -> FunnelSteps:
    steps = steps.sort("day")
    channel, channels = _codes(steps["channel"])
    day = column_array(steps, "day").astype(np.int64)
    return FunnelSteps(column_array(steps, "customer"), column_array(steps, "step"), channel, day, channels)


def _codes(column: "pl.Series") -> tuple[AnyArray, list[str]]:
    """The number of each text in their order, and the texts."""
    import polars as pl

    names = sorted(column.unique().cast(pl.String).to_list())
    return column.cast(pl.Enum(names)).to_physical().cast(pl.Int32).to_numpy(), names


def _survey_answers(facts: Sequence[Fact], users: IdMap) -> SurveyAnswers:
    return SurveyAnswers(
        _positions(users, [fact.user_id for fact in facts]),
        np.array([fact.at_ms for fact in facts], np.int64),
        np.array([fact.value for fact in facts], np.float64),
        np.array([fact.ref == "nps" for fact in facts], bool),
    )


def _positions(users: IdMap, ids: Sequence[str]) -> Longs:
    positions: AnyArray = users.positions(list(ids)) if ids else np.empty(0, np.int64)
    return positions.astype(np.int64)

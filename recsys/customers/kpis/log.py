"""Log of the key figures: orders, categories, steps of the funnel and answers of all who count, with its moment."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Ints, Kinds, Longs
from recsys.customers.orders import Orders, PaidLines, build_orders, paid_lines
from recsys.customers.population import Population, read_population
from recsys.data.entities import Item
from recsys.data.events import PURCHASE, Kind
from recsys.data.facts import Fact, FactKind
from recsys.data.guests import PREFIX
from recsys.data.ids import MISSING, IdMap
from recsys.data.store.base import Store
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl

NO_CHANNEL = "not stated"
VIEWED, CARTED, BOUGHT = range(3)
STEP_BY_KIND = {int(Kind.VIEW): VIEWED, int(Kind.CLICK): VIEWED, int(Kind.CART): CARTED, PURCHASE: BOUGHT}


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
    """L purchases with a known category, sorted by `pair` (customer and category), then day; (L,) each.

    pair: customer * n_categories + category.  units, money: of the line, money before discounts.  is_first: whether it
    is the first of its pair.  by_day: their order by day; days: in that order.
    """

    n_categories: int
    pair: Longs
    day: Longs
    units: Doubles
    money: Doubles
    is_first: Bools
    by_day: Longs
    days: Longs

    @property
    def customer(self) -> Longs:
        return self.pair // self.n_categories

    def rows(self, start_ms: int, end_ms: int) -> Longs:
        """The lines of whole days."""
        first, last = self.days.searchsorted((start_ms // DAY_MS, end_ms // DAY_MS))
        return self.by_day[first:last]


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
    paid: PaidLines
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


def read_kpi_log(store: Store, file: Path | None) -> KpiLog:
    """The log of all who count, up to just after the last event.  Raises NotEnoughData, LogUnavailable."""
    refusing = {user.user_id for user in store.users() if not user.is_personal}
    facts = (fact for page in store.fact_pages() for fact in page if fact.user_id not in refusing)
    return build_kpi_log(read_population(store, file), facts)


def build_kpi_log(people: Population, facts: Iterable[Fact]) -> KpiLog:
    """The same from events and facts.  Raises NotEnoughData without an event that counts."""
    import polars as pl

    from recsys.errors import NotEnoughData

    events = people.events.filter(~pl.col("user_id").cast(pl.String).str.starts_with(PREFIX))
    if not len(events):
        raise NotEnoughData("no customer has an event that counts; import events with `recsys import events FILE`")
    surveys = [fact for fact in facts if fact.kind == FactKind.SURVEY and fact.ref in ("nps", "csat")]
    surveys = [fact for fact in surveys if not fact.user_id.startswith(PREFIX)]
    users = IdMap.from_ids({*events["user_id"].unique().to_list(), *(fact.user_id for fact in surveys)})
    costs = {item.item_id: item.cost for item in people.items if item.cost is not None}
    paid = paid_lines(events, users, costs)
    orders = build_orders(paid, len(users))
    by_time = np.argsort(orders.at_ms, kind="stable")
    first_ms, last_ms = events.select(pl.col("at_ms").min().alias("first"), pl.col("at_ms").max().alias("last")).row(0)
    return KpiLog(
        begins_ms=first_ms,
        as_of_ms=last_ms + 1,
        users=users,
        paid=paid,
        orders=orders,
        by_time=by_time,
        times=orders.at_ms[by_time],
        lines=_category_lines(paid, people.items),
        steps=_funnel_steps(events, users),
        answers=_survey_answers(surveys, users),
    )


def _category_lines(paid: PaidLines, items: Collection[Item]) -> CategoryLines:
    category_by_item = {item.item_id: item.category for item in items if item.category}
    names = {name: place for place, name in enumerate(sorted(set(category_by_item.values())))}
    own = [category_by_item.get(item_id) for item_id in paid.item_ids]
    category = np.array([MISSING if name is None else names[name] for name in own], np.int64)
    code = category[paid.lines.item]
    kept = np.flatnonzero((paid.lines.kind == PURCHASE) & (code != MISSING))
    pair = paid.lines.user[kept].astype(np.int64) * max(len(names), 1) + code[kept]
    day = paid.at_ms[kept] // DAY_MS
    order = np.lexsort((day, pair))
    kept, pair, day = kept[order], pair[order], day[order]
    is_first = np.ones(len(pair), bool)
    is_first[1:] = np.diff(pair) != 0
    amounts, by_day = paid.amounts, np.argsort(day, kind="stable")
    return CategoryLines(
        n_categories=max(len(names), 1),
        pair=pair,
        day=day,
        units=amounts.n_items[kept],
        money=(amounts.money + amounts.discount)[kept],
        is_first=is_first,
        by_day=by_day,
        days=day[by_day],
    )


def _funnel_steps(events: "pl.DataFrame", users: IdMap) -> FunnelSteps:
    import polars as pl

    from recsys.data.dataset.dataset import id_positions

    channel = pl.col("channel").cast(pl.String).fill_null(NO_CHANNEL)
    chosen = events.filter(pl.col("kind").is_in(list(STEP_BY_KIND)))
    steps = (
        chosen.select(
            pl.Series("customer", id_positions(chosen["user_id"], users)),
            pl.col("kind").replace_strict(STEP_BY_KIND, return_dtype=pl.Int8).alias("step"),
            channel.alias("channel"),
            (pl.col("at_ms") // DAY_MS).alias("day"),
        )
        .unique()
        .sort("day", "customer", "step", "channel")
    )
    channels = steps["channel"].unique().sort().to_list()
    code = steps["channel"].cast(pl.Enum(channels)).to_physical().cast(pl.Int32)
    return FunnelSteps(
        _array(steps, "customer"), _array(steps, "step"), code.to_numpy(), _array(steps, "day"), channels
    )


def _array(frame: "pl.DataFrame", name: str) -> Any:
    return frame[name].to_numpy()


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

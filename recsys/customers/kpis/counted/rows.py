"""Counted rows: all that the key figures need of the log, summed by customer, order, category and day."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arrays import AnyArray, Bools
from recsys.customers.orders import Amounts, PaidLines, Postings, paid_lines, post_lines
from recsys.customers.population import Population
from recsys.data.entities import Item
from recsys.data.events import PURCHASE, Kind
from recsys.data.guests import PREFIX
from recsys.data.ids import IdMap
from recsys.errors import NotEnoughData
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import polars as pl

NO_CHANNEL = "not stated"
VIEWED, CARTED, BOUGHT = range(3)
STEP_BY_KIND = {int(Kind.VIEW): VIEWED, int(Kind.CLICK): VIEWED, int(Kind.CART): CARTED, PURCHASE: BOUGHT}


@dataclass(frozen=True, slots=True)
class CountedLines:
    """What U customers paid for and sent back.  last_ms: of their last event of any kind."""

    users: IdMap
    paid: PaidLines
    last_ms: int


@dataclass(frozen=True, slots=True)
class CountedRows:
    """U customers in the order of their ids, without guests and those who refused personalisation, as polars frames.

    customers: user_id, first_ms, last_ms (of their events).  postings: customer (its row), order, at_ms and `Amounts`,
    see `Postings`.  lines: customer, category, day, units, money before discounts, each of these once.  steps:
    customer, step, channel, day, each once.
    """

    customers: "pl.DataFrame"
    postings: "pl.DataFrame"
    lines: "pl.DataFrame"
    steps: "pl.DataFrame"

    @property
    def users(self) -> IdMap:
        return IdMap.from_ids(self.customers["user_id"].to_list())

    def span_ms(self) -> tuple[int, int]:
        """The moments of the first and the last event."""
        import polars as pl

        first_ms, last_ms = self.customers.select(pl.col("first_ms").min(), pl.col("last_ms").max()).row(0)
        return first_ms, last_ms

    def parts(self) -> dict[str, "pl.DataFrame"]:
        """The frames by name."""
        return {name: getattr(self, name) for name in ("customers", "postings", "lines", "steps")}

    def only(self, kept: Bools) -> "CountedRows":
        """These customers alone, numbered anew.  kept (U,)"""
        import polars as pl

        number = pl.Series(np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32))
        return replace(self, customers=self.customers.filter(pl.Series(kept)))._numbered(number)

    def joined(self, other: "CountedRows") -> "CountedRows":
        """The rows of both, which have no customer in common, numbered anew in the order of ids."""
        import polars as pl

        both = pl.concat((self.customers, other.customers))
        rank = both["user_id"].rank("ordinal").cast(pl.Int32) - 1
        first, second = self._numbered(rank.head(len(self.customers))), other._numbered(rank.tail(len(other.customers)))
        n_orders = pl.lit(self.postings["order"].max() or 0) + 1
        second = replace(second, postings=second.postings.with_columns(pl.col("order") + n_orders))
        parts = {name: pl.concat((part, second.parts()[name])) for name, part in first.parts().items()}
        return replace(CountedRows(**parts), customers=both.sort("user_id"))

    def with_customers(self, user_ids: Iterable[str]) -> "CountedRows":
        """The same with these customers, of whom no event is known."""
        import polars as pl

        new = sorted(set(user_ids) - set(self.customers["user_id"].to_list()), key=str.encode)
        if not new:
            return self
        empty = {name: part.clear() for name, part in self.parts().items()}
        none = [None] * len(new)
        customers = pl.DataFrame([new, none, none], schema=self.customers.schema)
        return self.joined(CountedRows(**{**empty, "customers": customers}))

    def _numbered(self, number: "pl.Series") -> "CountedRows":
        """The customers by other numbers (U,); the rows of a negative one are left out."""
        import polars as pl

        def changed(part: "pl.DataFrame") -> "pl.DataFrame":
            part = part.with_columns(number.gather(part["customer"]).alias("customer"))
            return part.filter(pl.col("customer") >= 0)

        return CountedRows(self.customers, changed(self.postings), changed(self.lines), changed(self.steps))


def count_lines(people: Population) -> CountedLines:
    """The purchases and returns of all who count.  Raises NotEnoughData without an event that counts."""
    import polars as pl

    events = _without_guests(people)
    users = IdMap.from_ids(events["user_id"].unique().to_list())
    (last_ms,) = events.select(pl.col("at_ms").max()).row(0)
    return CountedLines(users, _paid(events, users, people.items), last_ms)


def count_rows(people: Population) -> CountedRows:
    """The rows of all who count.  Raises NotEnoughData without an event that counts."""
    import polars as pl

    events = _without_guests(people)
    first, last = pl.col("at_ms").min().alias("first_ms"), pl.col("at_ms").max().alias("last_ms")
    spans = events.group_by("user_id").agg(first, last)
    customers = spans.with_columns(pl.col("user_id").cast(pl.String)).sort("user_id")
    users = IdMap.from_ids(customers["user_id"].to_list())
    paid = _paid(events, users, people.items)
    return CountedRows(customers, _posting_frame(post_lines(paid)), _lines(paid, people.items), _steps(events, users))


def postings_of(frame: "pl.DataFrame") -> Postings:
    """The postings of a frame of `CountedRows`."""
    columns = {name: column_array(frame, name) for name in frame.columns}
    amounts = Amounts(*(columns.pop(name) for name in Amounts._fields))
    return Postings(columns["customer"], columns["order"], columns["at_ms"], amounts)


def column_array(frame: "pl.DataFrame", name: str) -> Any:
    """The column as an array."""
    return frame[name].to_numpy()


def _without_guests(people: Population) -> "pl.DataFrame":
    import polars as pl

    events = people.events.filter(~pl.col("user_id").cast(pl.String).str.starts_with(PREFIX))
    if not len(events):
        raise NotEnoughData("no customer has an event that counts; import events with `recsys import events FILE`")
    return events


def _paid(events: "pl.DataFrame", users: IdMap, items: Iterable[Item]) -> PaidLines:
    costs = {item.item_id: item.cost for item in items if item.cost is not None}
    return paid_lines(events, users, costs)


def _posting_frame(postings: Postings) -> "pl.DataFrame":
    import polars as pl

    numbers = {"customer": postings.customer, "order": postings.order, "at_ms": postings.at_ms}
    return pl.DataFrame(numbers | postings.amounts._asdict())


def _lines(paid: PaidLines, items: Iterable[Item]) -> "pl.DataFrame":
    """Sums of the purchases with a known category by customer, category and day, sorted by these."""
    import polars as pl

    category_by_item = {item.item_id: item.category for item in items if item.category}
    own = [category_by_item.get(item_id) for item_id in paid.item_ids]
    names = sorted({name for name in own if name is not None})
    code_by_name = {name: code for code, name in enumerate(names)}
    code = np.array([-1 if name is None else code_by_name[name] for name in own], np.int64)[paid.lines.item]
    kept = np.flatnonzero((paid.lines.kind == PURCHASE) & (code >= 0))
    day = paid.at_ms[kept] // DAY_MS
    first_day, n_days = (int(day.min()), int(np.ptp(day)) + 1) if len(day) else (0, 1)
    pair = paid.lines.user[kept].astype(np.int64) * max(len(names), 1) + code[kept]
    key = pair * n_days + (day - first_day)
    order = np.argsort(key)
    key, starts = _starts(key[order])
    pair, day = key // n_days, key % n_days + first_day
    units, money = paid.amounts.n_items[kept][order], (paid.amounts.money + paid.amounts.discount)[kept][order]
    category = pl.Series(names, dtype=pl.Categorical).gather(pair % max(len(names), 1))
    return pl.DataFrame(
        {
            "customer": (pair // max(len(names), 1)).astype(np.int32),
            "category": category,
            "day": day.astype(np.int32),
            "units": _sums(units, starts),
            "money": _sums(money, starts),
        }
    )


def _starts(key: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Each of the sorted keys once, and where it begins."""
    is_first = np.ones(len(key), bool)
    is_first[1:] = key[1:] != key[:-1]
    starts = np.flatnonzero(is_first)
    return key[starts], starts


def _sums(values: AnyArray, starts: AnyArray) -> AnyArray:
    return np.add.reduceat(values, starts) if len(starts) else values


def _steps(events: "pl.DataFrame", users: IdMap) -> "pl.DataFrame":
    import polars as pl

    from recsys.data.dataset.dataset import id_positions

    chosen = events.filter(pl.col("kind").is_in(list(STEP_BY_KIND)))
    channel = pl.col("channel") if "channel" in chosen.columns else pl.lit(None, pl.String).alias("channel")
    return chosen.select(
        pl.Series("customer", id_positions(chosen["user_id"], users)),
        pl.col("kind").replace_strict(STEP_BY_KIND, return_dtype=pl.Int8).alias("step"),
        channel.cast(pl.Categorical).fill_null(NO_CHANNEL),
        (pl.col("at_ms") // DAY_MS).cast(pl.Int32).alias("day"),
    ).unique(maintain_order=True)  # in any other order a release would differ from thread to thread

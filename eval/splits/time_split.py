"""Time split: the past to learn from and the future to be judged by, cut at one moment for all customers."""

from dataclasses import dataclass

import polars as pl

from recsys.data.dataset.occasions import occasion_expression
from recsys.data.events import Kind
from recsys.errors import BadInput, NotEnoughData
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Events of EVENT_SCHEMA, each side in its own order: past before `cut_ms`, future from there to before `until_ms`.

    A cut per customer would let a model learn from purchases of others after the moment of the query.
    """

    past: pl.DataFrame
    future: pl.DataFrame
    cut_ms: int
    until_ms: int

    @property
    def now(self) -> float:
        """The moment of the query, in days since 1970: the cut."""
        return self.cut_ms / DAY_MS


def split_at(events: pl.DataFrame, cut_ms: int, until_ms: int | None = None) -> TimeSplit:
    """Both sides of that moment; events at or after `until_ms` (default: none) are on neither side.

    Neither is what a customer bought after the cut in an occasion that began before it: no order is cut in two.
    Raises BadInput when `until_ms` is not after the cut, NotEnoughData when a side would be empty.
    """
    end_ms = until_ms if until_ms is not None else last_ms(events) + 1
    if until_ms is not None and until_ms <= cut_ms:
        raise BadInput(f"the future ends at {until_ms} ms, before it begins at {cut_ms} ms")
    at_ms = pl.col("at_ms")
    past = events.filter(at_ms < cut_ms)
    future = without_begun(events.filter(at_ms >= cut_ms, at_ms < end_ms), past)
    for side, name in ((past, "before"), (future, "after")):
        if side.is_empty():
            raise NotEnoughData(f"no event {name} the cut at {cut_ms} ms; choose a cut inside the events' time")
    return TimeSplit(past, future, cut_ms, end_ms)


def without_begun(future: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """The future without purchases of an occasion that the past has a purchase of."""
    occasion, is_purchase = occasion_expression().alias("occasion"), pl.col("kind") == int(Kind.PURCHASE)
    begun = past.lazy().filter(is_purchase).select("user_id", occasion)
    rows = future.lazy().with_columns(occasion).with_row_index("row")
    open_rows = rows.filter(is_purchase).join(begun, on=["user_id", "occasion"], how="semi").select("row").collect()
    return future.filter(~pl.int_range(pl.len()).is_in(open_rows["row"].implode())) if open_rows.height else future


def last_ms(events: pl.DataFrame) -> int:
    """The time of the last event, Unix milliseconds.  Raises NotEnoughData when there is none."""
    if events.is_empty():
        raise NotEnoughData("no events to split; import some first")
    return int(events["at_ms"].to_numpy().max())

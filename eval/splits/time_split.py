"""Time split: the past to learn from and the future to be judged by, cut at one moment for all customers."""

from dataclasses import dataclass

import polars as pl

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

    Raises BadInput when `until_ms` is not after the cut, NotEnoughData when a side would be empty.
    """
    end_ms = until_ms if until_ms is not None else last_ms(events) + 1
    if until_ms is not None and until_ms <= cut_ms:
        raise BadInput(f"the future ends at {until_ms} ms, before it begins at {cut_ms} ms")
    at_ms = pl.col("at_ms")
    past, future = events.filter(at_ms < cut_ms), events.filter(at_ms >= cut_ms, at_ms < end_ms)
    for side, name in ((past, "before"), (future, "after")):
        if side.is_empty():
            raise NotEnoughData(f"no event {name} the cut at {cut_ms} ms; choose a cut inside the events' time")
    return TimeSplit(past, future, cut_ms, end_ms)


def last_ms(events: pl.DataFrame) -> int:
    """The time of the last event, Unix milliseconds.  Raises NotEnoughData when there is none."""
    if events.is_empty():
        raise NotEnoughData("no events to split; import some first")
    return int(events["at_ms"].to_numpy().max())

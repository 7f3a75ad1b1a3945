"""Rolling windows of a backtest: they lie side by side, the latest first, and none overlaps another."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from eval.splits.time_split import last_ms
from recsys.errors import BadInput
from recsys.time_units import DAY_MS

MOST_CUSTOMERS = 5_000  # in one window; more customers narrow the intervals little and take longer


@dataclass(frozen=True, slots=True)
class WindowSchedule:
    """The windows to evaluate: n_windows of `days` each, the last from `cut_ms` on (default: the last days of the log).

    k: length of the lists.  segment: attribute that divides the customers (default: the one most of them have).
    """

    n_windows: int = 3
    days: float = 28.0
    cut_ms: int | None = None
    k: int = 10
    seed: int = 0
    segment: str | None = None
    most_customers: int = field(default=MOST_CUSTOMERS)

    def __post_init__(self) -> None:
        if self.n_windows < 1 or not self.days > 0 or self.k < 1:
            raise BadInput(f"{self.n_windows} windows of {self.days} days, lists of {self.k}; give 1 or more of each")

    def as_mapping(self) -> dict[str, Any]:
        """The settings by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Window:
    """From one moment up to, but not including, another, in Unix milliseconds."""

    cut_ms: int
    until_ms: int


def build_windows(events: pl.DataFrame, schedule: WindowSchedule) -> list[Window]:
    """The windows, the latest first.  Raises NotEnoughData when there are no events."""
    length = round(schedule.days * DAY_MS)
    latest = schedule.cut_ms if schedule.cut_ms is not None else last_ms(events) + 1 - length
    return [Window(latest - at * length, latest - (at - 1) * length) for at in range(schedule.n_windows)]

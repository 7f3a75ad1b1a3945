"""Which weeks judge: windows that lie side by side, the latest first, and nothing of one in the past of an older."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from eval.splits.time_split import last_ms
from recsys.errors import BadInput
from recsys.time_units import DAY_MS

MOST_CUSTOMERS = 5_000  # asked in one window; more say little more and take as much longer


@dataclass(frozen=True, slots=True)
class WindowSchedule:
    """So many windows of so many days, the last from `cut_ms` on (default: the last days of the log).

    k: length of the lists.  segment: attribute that customers are parted by (default: the one most of them have).
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
    """From one moment to another, in Unix milliseconds; the end does not belong to it."""

    cut_ms: int
    until_ms: int


def windows_of(events: pl.DataFrame, schedule: WindowSchedule) -> list[Window]:
    """The windows, the latest first.  Raises NotEnoughData when there are no events."""
    length = round(schedule.days * DAY_MS)
    latest = schedule.cut_ms if schedule.cut_ms is not None else last_ms(events) + 1 - length
    return [Window(latest - at * length, latest - (at - 1) * length) for at in range(schedule.n_windows)]

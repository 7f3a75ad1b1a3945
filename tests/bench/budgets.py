"""What was measured against what was promised: one line each, on the screen and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: the median of `values`.

    budget: what it may be `at least` or `at most`; None when nothing was promised.  detail: how it came about.
    busy: share of all cores that others used just before, in [0, 1].
    """

    name: str
    unit: str
    values: tuple[float, ...]
    budget: float | None
    bound: Literal["at least", "at most"]
    detail: str = ""
    busy: float = 0.0

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def missed_by(self) -> float:
        """Share of the budget that is missing; 0 when it is met or there is none."""
        if not self.budget:
            return 0.0
        over = self.value / self.budget - 1
        return max(0.0, over if self.bound == "at most" else -over)

    def verdict(self) -> str:
        if self.budget is None:
            return ""
        return "yes" if not self.missed_by else f"no, by {self.missed_by:.0%}"

    def as_mapping(self) -> dict[str, object]:
        """For the JSON file."""
        return {**asdict(self), "value": self.value, "is_met": self.budget is None or not self.missed_by}


def show(figures: Sequence[Figure], console: Console) -> None:
    """The table, a line per figure."""
    table = Table("figure", "measured", "min – max", "budget", "met", "others", "how", title_justify="left")
    for figure in figures:
        span = f"{_number(min(figure.values))} – {_number(max(figure.values))}" if len(figure.values) > 1 else ""
        budget = "" if figure.budget is None else f"{figure.bound} {_number(figure.budget)}"
        style = "red" if figure.missed_by else None
        row = (figure.name, f"{_number(figure.value)} {figure.unit}", span, budget, figure.verdict())
        table.add_row(*row, f"{figure.busy:.0%}", figure.detail, style=style)
    console.print(table)
    missed = [figure for figure in figures if figure.missed_by]
    console.print(f"{len(figures) - len(missed)} of {len(figures)} within budget.", highlight=False)


def write(figures: Sequence[Figure], machine: dict[str, object], path: Path) -> None:
    """The same for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": machine, "figures": [figure.as_mapping() for figure in figures]}
    path.write_text(json.dumps(told, indent=2) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

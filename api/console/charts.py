"""Charts of the console: lines over time or bars over names, drawn by uPlot in the browser, with their table behind."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from api.console.tables import Kind

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """One row of values.  low, high: the ends of its interval, drawn as a band."""

    title: str
    values: Values
    low: Values = ()
    high: Values = ()


@dataclass(frozen=True, slots=True)
class PlotChart:
    """N points.  x: Unix ms of each point, or its name.  kind: how values are written."""

    title: str
    x: Sequence[int] | Sequence[str]
    lines: Sequence[ChartSeries]
    kind: Kind = "number"
    x_title: str = "Day"
    note: str = ""
    shape: Literal["line", "bar"] = "line"

    def as_json(self) -> str:
        """What console.js draws."""
        lines: list[dict[str, Any]] = [
            {"title": line.title, "values": [*line.values], "low": [*line.low], "high": [*line.high]}
            for line in self.lines
        ]
        return json.dumps(
            {"x": [*self.x], "lines": lines, "kind": self.kind, "shape": self.shape, "x_title": self.x_title}
        )

    def rows(self) -> list[tuple[Any, ...]]:
        """The table: x as text, then a value of each line, then the interval's ends where there are any."""
        names = [_name(x) for x in self.x]
        return [*zip(names, *(line.values for line in self.lines), strict=True)]


def _name(x: int | str) -> str:
    return x if isinstance(x, str) else f"{datetime.fromtimestamp(x / 1_000, UTC):%Y-%m-%d}"

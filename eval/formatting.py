"""Formatting of figures and verdicts for the tables in a terminal."""

import math
from collections.abc import Iterable, Sequence

from rich.table import Table

from eval.stats.paired import Comparison


def verdict_markup(rival: str, comparison: Comparison, verdict: str) -> str:
    """than best-sellers: better by 4-8 % (+.0123, +.0051 to +.0195), with the verdict in its colour."""
    colour = {"better": "green", "worse": "red"}.get(comparison.verdict, "default")
    coloured = verdict.replace(comparison.words, f"[{colour}]{comparison.words}[/]", 1)
    interval = f"{_signed(comparison.difference)}, {_signed(comparison.low)} to {_signed(comparison.high)}"
    return f"than {rival}: {coloured} ({interval})"


def _signed(number: float) -> str:
    return f"{'-' if number < 0 else '+'}{short(abs(number))}"


def short(number: float, digits: int = 4) -> str:
    """0.4076 as .4076, a dash for no number."""
    return "–" if math.isnan(number) else f"{number:.{digits}f}".replace("0.", ".", 1)


def open_table(first: str, figures: Sequence[str], *, title: str | None = None) -> Table:
    """A table without frames: a column of names, folded where the table is too wide, and one for each figure."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def verdict_table(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and verdicts, without headings; both are folded where the table is too wide."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table

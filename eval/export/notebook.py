"""Export of an evaluation to a notebook: the tables of the command as text, as HTML and as a frame."""

from dataclasses import dataclass
from html import escape
from io import StringIO

import polars as pl
from rich.console import Console

from eval.backtest.results import Evaluation, ListSummary
from eval.backtest.table import COLUMNS, TITLES, rendered
from eval.formatting import short
from eval.protocol import BEST_SELLERS

WIDTH = 120


@dataclass(frozen=True, slots=True)
class NotebookEvaluation:
    """What `recsys evaluate` finds, as a notebook shows it.  result: everything, with intervals, groups and notes."""

    result: Evaluation

    @property
    def frame(self) -> pl.DataFrame:
        """A row for each task and list: means, share of all items shown, and the verdict against best-sellers."""
        rows = [
            {"task": task.name, "list": line.name, "kind": line.kind, **self._figures(line), "verdict": _verdict(line)}
            for task in self.result.tasks
            for line in task.lines
        ]
        return pl.DataFrame(rows)

    def __repr__(self) -> str:
        console = Console(file=StringIO(), width=WIDTH)
        with console.capture() as capture:
            console.print(rendered(self.result))
        return capture.get()

    def _repr_html_(self) -> str:
        return "".join(self._html(task, frame) for (task,), frame in self.frame.group_by("task", maintain_order=True))

    def _figures(self, line: ListSummary) -> dict[str, float]:
        names = ("ndcg", *COLUMNS)
        means = {name: line.pooled.metrics[f"{name}@{self.result.k}"].mean for name in names}
        return {**means, "coverage": line.shelf.get("coverage", float("nan"))}

    def _html(self, task: object, frame: pl.DataFrame) -> str:
        table = frame.drop("task", "kind")
        head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
        rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.iter_rows())
        title = escape(TITLES[str(task)])
        return f"<table><caption>{title}, lists of {self.result.k}</caption><tr>{head}</tr>{rows}</table>"


def _verdict(line: ListSummary) -> str | None:
    """In words; None for the best-sellers themselves."""
    comparison = line.pooled.against.get(BEST_SELLERS)
    return None if comparison is None else comparison.words


def _cell(value: str | float | None) -> str:
    text = short(value) if isinstance(value, float) else value or ""
    return f"<td>{escape(text)}</td>"

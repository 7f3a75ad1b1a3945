"""An evaluation as tables for the terminal and as plain data for a file."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from eval.compare import Comparison
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY, Evaluation, Line, Task

TITLES = {
    "all": "Everything bought in the weeks held back",
    "new": "Only what the customer had never bought before",
}
COLUMNS = {"ndcg": "nDCG", "precision": "prec.", "recall": "recall", "hit": "hit", "revenue_recall": "money"}
BASELINES = (BEST_SELLERS, OWN_FREQUENCY)
READING = (
    "± is half of the paired 95 % interval: a difference larger than that is real. prec.: share of the list that was "
    "bought; recall: share of what was bought that stood in the list; hit: lists with at least one purchase; money: "
    "share of the money spent that stood in the list."
)


def rendered(evaluation: Evaluation) -> RenderableType:
    """The tables and what one must know to read them."""
    first, last = _date(evaluation.cut), _date(evaluation.until)
    head = (
        f"Lists of {evaluation.k} as of {first}, judged by what {evaluation.n_customers:,} customers bought "
        f"until {last}; "
        f"all {evaluation.n_items:,} items ranked; {evaluation.repeat_share:.1%} of the pairs were repeats."
    )
    tables = [part for task in evaluation.tasks for part in ("", _table(task, evaluation.k))]
    return Group(head, *tables, "", READING, *_warnings(evaluation.tasks))


def as_data(evaluation: Evaluation) -> dict[str, Any]:
    """Everything as JSON types, comparisons with their verdicts."""
    data = asdict(evaluation)
    for task, told in zip(evaluation.tasks, data["tasks"], strict=True):
        for line, row in zip(task.lines, told["lines"], strict=True):
            for base, comparison in line.against.items():
                row["against"][base] |= {"difference": comparison.difference, "verdict": comparison.verdict}
    return data


def _table(task: Task, k: int) -> Table:
    title = f"{TITLES[task.name]} ({task.n_customers:,} customers)"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("list", no_wrap=True)
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    baselines = [base for base in BASELINES if any(base in line.against for line in task.lines)]
    for base in baselines:
        table.add_column(f"nDCG over\n{base}", no_wrap=True)
    for line in task.lines:
        cells = [_short(line.means[f"{metric}@{k}"], 4 if metric == "ndcg" else 3) for metric in COLUMNS]
        table.add_row(line.name, *cells, *(_difference(line.against.get(base)) for base in baselines))
    return table


def _short(number: float, digits: int = 4) -> str:
    return f"{number:.{digits}f}".replace("0.", ".", 1)


def _difference(comparison: Comparison | None) -> str:
    """The difference and half of its interval, green or red where the whole interval is on one side of 0."""
    if comparison is None:
        return ""
    colour = {"better": "green", "worse": "red"}.get(comparison.verdict, "default")
    half = (comparison.high - comparison.low) / 2
    sign = "-" if comparison.difference < 0 else "+"
    return f"[{colour}]{sign}{_short(abs(comparison.difference))}[/] ±{_short(half)}"


def _warnings(tasks: Iterable[Task]) -> list[str]:
    """Models that beat the best-sellers in no task: those teach the lists nothing on this data."""
    lines: dict[str, list[Line]] = {}
    for task in tasks:
        for line in task.lines:
            lines.setdefault(line.name, []).append(line)
    weak = [
        name for name, rows in lines.items() if name not in (BEST_SELLERS, "popularity") and not any(map(_wins, rows))
    ]
    return [f"[yellow]{name} beats the best-sellers in no task on this data.[/]" for name in weak]


def _wins(line: Line) -> bool:
    comparison = line.against.get(BEST_SELLERS)
    return comparison is not None and comparison.verdict == "better"


def _date(day: float) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}"

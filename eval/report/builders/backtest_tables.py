"""The full tables of an evaluation on the shop's own log."""

import math
from collections.abc import Iterator

from eval.backtest.results import Evaluation, ListSummary, Result, TaskResult
from eval.backtest.table import TITLES
from eval.formatting import date
from eval.report.story import Cell, StoryTable
from eval.stats.intervals import Estimate

NAMES = {"ndcg": "nDCG", "map": "MAP", "mrr": "MRR"}
EVERY = "all windows"


def tables_of(found: Evaluation) -> list[StoryTable]:
    """To read: for each task the figures, the windows, the verdicts, the shelf and the groups."""
    tables = []
    for task in found.tasks:
        tables += [_metrics(task), *_windows(task, found), _verdicts(task), _shelf(task), *_groups(task, found)]
    return tables


def figures_of(found: Evaluation) -> StoryTable:
    """For a machine: a row for each task, list, span of time, group and name."""
    rows = [row for task in found.tasks for line in task.lines for row in _rows(task, line, found)]
    return StoryTable("Figures", ("task", "list", "window", "slice", "group", "name", "mean", "low", "high", "n"), rows)


def _rows(task: TaskResult, line: ListSummary, found: Evaluation) -> Iterator[tuple[Cell, ...]]:
    yield from _of_result((task.name, line.name, EVERY, "", ""), line.pooled)
    for window, result in zip(found.windows, line.windows, strict=True):
        yield from _of_result((task.name, line.name, date(window.cut), "", ""), result)
    for group in line.groups:
        yield from _of_result((task.name, line.name, EVERY, group.slice, group.name), group.result)
    for name, value in line.shelf.items():
        yield (task.name, line.name, EVERY, "", "", name, value, "", "", "")


def _of_result(where: tuple[Cell, ...], result: Result) -> Iterator[tuple[Cell, ...]]:
    for name, value in result.metrics.items():
        yield (*where, name, value.mean, value.low, value.high, result.n_customers)


def _metrics(task: TaskResult) -> StoryTable:
    names = [name for name in task.lines[0].pooled.metrics if _is_known(task, name)]
    rows = [(line.name, *(_cell(line.pooled.metrics[name]) for name in names)) for line in task.lines]
    title = f"{TITLES[task.name]} ({task.n_customers:,} customers)"
    return StoryTable(title, ("list", *map(_titled, names)), rows, "± is half of the 95 % interval.")


def _is_known(task: TaskResult, name: str) -> bool:
    return any(not math.isnan(line.pooled.metrics[name].mean) for line in task.lines)


def _titled(name: str) -> str:
    metric, _, k = name.partition("@")
    return f"{NAMES.get(metric, metric)}@{k}"


def _cell(value: Estimate) -> str:
    return f"{_short(value.mean)}\n±{_short((value.high - value.low) / 2)}"


def _short(number: float) -> str:
    return "–" if math.isnan(number) else f"{number:.4f}"


def _windows(task: TaskResult, found: Evaluation) -> list[StoryTable]:
    """nDCG in each window; none where there is only one."""
    if len(found.windows) < 2:
        return []
    name = f"ndcg@{found.k}"
    rows = [(line.name, *(_cell(result.metrics[name]) for result in line.windows)) for line in task.lines]
    dates = [date(window.cut) for window in found.windows]
    return [StoryTable(f"{_titled(name)} in each window, by its first day", ("list", *dates), rows)]


def _verdicts(task: TaskResult) -> StoryTable:
    rows = [
        (line.name, rival, f"{told.difference:+.4f}", f"{told.low:+.4f} to {told.high:+.4f}", line.verdicts[rival])
        for line in task.lines
        for rival, told in line.pooled.against.items()
        if rival in line.verdicts
    ]
    note = "Verdicts hold among all lists of the table (Holm 1979)."
    columns = ("list", "against", "difference", "95 % interval", "verdict")
    return StoryTable("Paired differences in nDCG", columns, rows, note)


def _shelf(task: TaskResult) -> StoryTable:
    names = [name for name in task.lines[0].shelf if any(_has(line, name) for line in task.lines)]
    rows = [(line.name, *(_short(line.shelf.get(name, math.nan)) for name in names)) for line in task.lines]
    return StoryTable("The shelf and the machine", ("list", *(name.replace("gini", "Gini") for name in names)), rows)


def _has(line: ListSummary, name: str) -> bool:
    return not math.isnan(line.shelf.get(name, math.nan))


def _groups(task: TaskResult, found: Evaluation) -> list[StoryTable]:
    """Groups of customers as columns would be too many: a row each, for the lists that a shop serves."""
    name = f"ndcg@{found.k}"
    rows = [
        (
            line.name,
            f"{group.slice}: {group.name}{' (small)' if group.is_small else ''}",
            f"{group.result.n_customers:,}",
            _cell(group.result.metrics[name]),
            *(", ".join(f"{told.words} than {rival}" for rival, told in group.result.against.items()),),
        )
        for line in task.lines
        if line.kind == "placement"
        for group in line.groups
    ]
    columns = ("list", "group", "customers", _titled(name), "verdict")
    return [StoryTable("Groups of customers", columns, rows)] if rows else []

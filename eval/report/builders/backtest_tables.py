"""Tables of the report on a backtest on the shop's own log."""

import math
from collections.abc import Iterator
from dataclasses import replace

from eval.backtest.results import Evaluation, ListSummary, TaskResult
from eval.backtest.table import TITLES
from eval.report.builders.tables import (
    beyond_accuracy_table,
    difference_cells,
    estimate_cell,
    metric_title,
    metrics_table,
)
from eval.report.ranking_report import Cell, ReportTable
from eval.scoring.scorer import Result
from recsys.time_units import date

WORDS = {"all": "everything bought", "repeat": "bought again", "new": "new things"}
EVERY = "all windows"


def tables_of(evaluation: Evaluation) -> list[ReportTable]:
    """To read: for each task the metrics, windows, verdicts, metrics beyond accuracy, and groups."""
    tables = []
    for task in evaluation.tasks:
        others = [*_windows(task, evaluation), _verdicts(task), _beyond_accuracy(task), *_groups(task, evaluation)]
        tables += [_metrics(task), *(replace(table, title=f"{table.title}: {WORDS[task.name]}") for table in others)]
    return tables


def figures_of(evaluation: Evaluation) -> ReportTable:
    """For a machine: a row for each task, list, window, group and metric."""
    columns = ("task", "list", "window", "slice", "group", "name", "mean", "low", "high", "n")
    rows = [row for task in evaluation.tasks for line in task.lines for row in _rows(task, line, evaluation)]
    return ReportTable("Figures", columns, rows)


def _rows(task: TaskResult, line: ListSummary, evaluation: Evaluation) -> Iterator[tuple[Cell, ...]]:
    yield from _result_rows((task.name, line.name, EVERY, "", ""), line.pooled)
    for window, result in zip(evaluation.windows, line.windows, strict=True):
        yield from _result_rows((task.name, line.name, date(window.cut), "", ""), result)
    for group in line.groups:
        yield from _result_rows((task.name, line.name, EVERY, group.slice, group.name), group.result)
    for name, value in line.shelf.items():
        yield (task.name, line.name, EVERY, "", "", name, value, "", "", "")


def _result_rows(key: tuple[Cell, ...], result: Result) -> Iterator[tuple[Cell, ...]]:
    for name, value in result.metrics.items():
        yield (*key, name, value.mean, value.low, value.high, result.n_customers)


def _metrics(task: TaskResult) -> ReportTable:
    names = [name for name in task.lines[0].pooled.metrics if _is_known(task, name)]
    title = f"{TITLES[task.name]} ({task.n_customers:,} customers)"
    return metrics_table(title, names, {line.name: line.pooled.metrics for line in task.lines})


def _is_known(task: TaskResult, name: str) -> bool:
    return any(not math.isnan(line.pooled.metrics[name].mean) for line in task.lines)


def _windows(task: TaskResult, evaluation: Evaluation) -> list[ReportTable]:
    """nDCG in each window; none where there is only one."""
    if len(evaluation.windows) < 2:
        return []
    name = f"ndcg@{evaluation.k}"
    rows = [(line.name, *(estimate_cell(result.metrics[name]) for result in line.windows)) for line in task.lines]
    dates = [date(window.cut) for window in evaluation.windows]
    return [ReportTable(f"{metric_title(name)} in each window, by its first day", ("list", *dates), rows)]


def _verdicts(task: TaskResult) -> ReportTable:
    rows = [
        (line.name, rival, *difference_cells(comparison), line.verdicts[rival])
        for line in task.lines
        for rival, comparison in line.pooled.against.items()
        if rival in line.verdicts
    ]
    note = "Verdicts hold among all lists of the table (Holm 1979)."
    columns = ("list", "against", "difference", "95 % interval", "verdict")
    return ReportTable("Paired differences in nDCG", columns, rows, note)


def _beyond_accuracy(task: TaskResult) -> ReportTable:
    names = [name for name in task.lines[0].shelf if any(_has(line, name) for line in task.lines)]
    return beyond_accuracy_table("The shelf and the machine", names, {line.name: line.shelf for line in task.lines})


def _has(line: ListSummary, name: str) -> bool:
    return not math.isnan(line.shelf.get(name, math.nan))


def _groups(task: TaskResult, evaluation: Evaluation) -> list[ReportTable]:
    """A row for each group of customers, because columns would be too many, of the lists that a shop serves."""
    name = f"ndcg@{evaluation.k}"
    rows = [
        (
            line.name,
            f"{group.slice}: {group.name}{' (small)' if group.is_small else ''}",
            f"{group.result.n_customers:,}",
            estimate_cell(group.result.metrics[name]),
            ", ".join(f"{comparison.words} than {rival}" for rival, comparison in group.result.against.items()),
        )
        for line in task.lines
        if line.kind == "placement"
        for group in line.groups
    ]
    columns = ("list", "group", "customers", metric_title(name), "verdict")
    return [ReportTable("Groups of customers", columns, rows)] if rows else []

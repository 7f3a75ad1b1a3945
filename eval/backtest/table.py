"""Output of a backtest: tables for the terminal, and plain data for a file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from eval.backtest.beyond_accuracy import MEANING as METRIC_MEANING
from eval.backtest.results import Evaluation, ListSummary, TaskResult, WindowFacts
from eval.backtest.segments import MEANING as SEGMENT_MEANING
from eval.formatting import open_table, short, verdict_markup, verdict_table
from eval.protocol import BEST_SELLERS, FADING_FREQUENCY
from recsys.time_units import date

TITLES = {
    "all": "Everything bought in the weeks held back",
    "repeat": "The same lists, only what the customer had bought before",
    "new": "Lists of new things, only what the customer had never bought before",
}
COLUMNS = {"precision": "prec.", "recall": "recall", "hit": "hit", "revenue_recall": "money"}
READING = (
    "nDCG and all other columns: mean over customers and windows; the dated ones: nDCG of that window. prec.: share of "
    "the list that was bought; recall: share of what was bought that stood in the list; hit: lists with at least one "
    "purchase; money: share of the money spent that stood in the list; seen: share of all items that stands in any "
    "list; ms: for an answer."
)
JUDGING = (
    "In nDCG, by paired 95 % intervals over customers; among all lists of a task, so that none is believed because "
    "many were tried (Holm)."
)


def rendered(evaluation: Evaluation) -> RenderableType:
    """The tables, the verdicts and their explanation."""
    parts: list[RenderableType] = [_head(evaluation)]
    for task in evaluation.tasks:
        parts += ["", _table(task, evaluation), "", _verdicts(task)]
    return Group(*parts, "", READING, *_notes(evaluation))


def as_data(evaluation: Evaluation) -> dict[str, Any]:
    """Everything as JSON types: comparisons with difference, verdict and words; null where nothing was measured."""
    data = {
        "protocol": {
            "interval": "95 %, bootstrap over customers, each with all windows",
            "chances": "p two-sided from the same resamples; p_holm: Holm 1979 over the lists of a task",
            "ties": "by item id",
            "catalogue": "everything on sale at the cut is ranked; nothing is sampled",
            "measures": dict(METRIC_MEANING),
            "slices": dict(SEGMENT_MEANING),
        },
        **_plain({name: value for name, value in asdict(evaluation).items() if name != "samples"}),
    }
    for task, task_data in zip(evaluation.tasks, data["tasks"], strict=True):
        for line, row in zip(task.lines, task_data["lines"], strict=True):
            results = [line.pooled, *line.windows, *(group.result for group in line.groups)]
            rows = [row["pooled"], *row["windows"], *(group["result"] for group in row["groups"])]
            for result, plain in zip(results, rows, strict=True):
                for baseline, comparison in result.against.items():
                    plain["against"][baseline] |= comparison.outcome()
            for baseline, comparison in line.precision_against.items():
                row["precision_against"][baseline] |= comparison.outcome()
    return data


def _plain(value: Any) -> Any:
    """JSON types; NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _head(evaluation: Evaluation) -> str:
    windows = "; ".join(_window(window) for window in evaluation.windows)
    n = len(evaluation.windows)
    return (
        f"Lists of {evaluation.k}, judged in {n} window{'s' if n > 1 else ''}: {windows}. All "
        f"{evaluation.windows[0].n_items:,} items on sale are ranked. Run {evaluation.run_id}."
    )


def _window(window: WindowFacts) -> str:
    return (
        f"{date(window.cut)} to {date(window.until)} ({window.n_customers:,} customers, "
        f"{window.repeat_share:.1%} of the pairs were repeats)"
    )


def _table(task: TaskResult, evaluation: Evaluation) -> Table:
    title = f"{TITLES[task.name]} ({task.n_customers:,} customers)"
    dates = [date(window.cut)[5:] for window in evaluation.windows] if len(evaluation.windows) > 1 else []
    figures = ("nDCG", *dates, *COLUMNS.values(), "seen", "ms")
    table = open_table("list", figures, title=title)
    ndcg = f"ndcg@{evaluation.k}"
    for line in task.lines:
        means = {name: estimate.mean for name, estimate in line.pooled.metrics.items()}
        alone = [short(window.metrics[ndcg].mean) for window in line.windows] if dates else []
        others = [short(means[f"{metric}@{evaluation.k}"], 3) for metric in COLUMNS]
        seen, latency = (line.shelf.get(name, math.nan) for name in ("coverage", "latency_ms"))
        others += [short(seen, 3), "" if math.isnan(latency) else f"{latency:.1f}"]
        table.add_row(line.name, short(means[ndcg]), *alone, *others)
    return table


def _verdicts(task: TaskResult) -> Table:
    """Each list against the baselines, in words and with the interval."""
    rows = (
        (line.name, verdict_markup(baseline, line.pooled.against[baseline], line.verdicts[baseline]))
        for line in task.lines
        for baseline in (line.verdicts if line.kind != "baseline" else ())
        if line.kind == "placement" or baseline != FADING_FREQUENCY  # placements are held to the hardest rule too
    )
    return verdict_table(rows)


def _notes(evaluation: Evaluation) -> list[str]:
    """Parts that were left out, and models that beat the best-sellers in no task: those add nothing here."""
    counts = evaluation.windows[0].left_out
    left_out = [f"{count:,} {reason}" for reason, count in counts.items() if count]
    dropped = [f"In the window from {date(evaluation.windows[0].cut)}: {'; '.join(left_out)}."] if left_out else []
    weak = [f"[yellow]{name} beats the best-sellers in no task on this data.[/]" for name in _weak(evaluation.tasks)]
    return [JUDGING, *dropped, *evaluation.notes, *weak]


def _weak(tasks: Sequence[TaskResult]) -> list[str]:
    lines = [line for task in tasks for line in task.lines if line.kind != "baseline" and line.name != "popularity"]
    better = {line.name for line in lines if _wins(line)}
    return [name for name in dict.fromkeys(line.name for line in lines) if name not in better]


def _wins(line: ListSummary) -> bool:
    comparison = line.pooled.against.get(BEST_SELLERS)
    return comparison is not None and comparison.verdict == "better"

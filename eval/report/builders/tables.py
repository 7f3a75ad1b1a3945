"""Tables and cells that all reports share: estimates with their intervals, paired differences, seconds."""

import math
from collections.abc import Mapping, Sequence

from eval.files.results import Entry
from eval.ratings.results import RatingEntry, RmseGain
from eval.report.ranking_report import Cell, ReportTable
from eval.stats.bootstrap import Estimate
from eval.stats.paired import Comparison

INTERVAL_NOTE = "± is half of the 95 % interval."
TITLE_BY_METRIC = {"ndcg": "nDCG", "map": "MAP", "mrr": "MRR"}  # others keep their names


def short(number: float) -> str:
    """0.4076; a dash for NaN."""
    return "–" if math.isnan(number) else f"{number:.4f}"


def estimate_cell(value: Estimate) -> str:
    """The mean, and below it half of its interval."""
    return f"{short(value.mean)}\n±{short((value.high - value.low) / 2)}"


def difference_cells(value: Comparison | RmseGain) -> tuple[str, str]:
    """A difference and its interval."""
    return f"{value.difference:+.4f}", f"{value.low:+.4f} to {value.high:+.4f}"


def metric_title(name: str) -> str:
    """nDCG@10 for ndcg@10."""
    metric, _, k = name.partition("@")
    return f"{TITLE_BY_METRIC.get(metric, metric)}@{k}"


def metrics_table(title: str, names: Sequence[str], values: Mapping[str, Mapping[str, Estimate]]) -> ReportTable:
    """One row for each list.  names: of the metrics; values: by list and metric."""
    rows = [(label, *(estimate_cell(metrics[name]) for name in names)) for label, metrics in values.items()]
    return ReportTable(title, ("list", *map(metric_title, names)), rows, INTERVAL_NOTE)


def beyond_accuracy_table(title: str, names: Sequence[str], values: Mapping[str, Mapping[str, float]]) -> ReportTable:
    """One row for each list.  names: of the metrics; values: by list and metric."""
    rows = [(label, *(short(metrics.get(name, math.nan)) for name in names)) for label, metrics in values.items()]
    return ReportTable(title, ("list", *(name.replace("gini", "Gini") for name in names)), rows)


def seconds_table(entries: Sequence[Entry] | Sequence[RatingEntry], noun: str, task: str) -> ReportTable:
    """The seconds that each entry took for learning and for its task."""
    rows: list[tuple[Cell, ...]] = [
        (entry.name, f"{entry.fit_seconds:.1f}", f"{entry.answer_seconds:.1f}") for entry in entries
    ]
    return ReportTable("Seconds", (noun, "to learn", task), rows)

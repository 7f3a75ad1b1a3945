"""Tables of the report on two given files."""

from eval.files.results import FileEvaluation
from eval.report.builders.tables import (
    INTERVAL_NOTE,
    beyond_accuracy_table,
    difference_cells,
    estimate_cell,
    seconds_table,
)
from eval.report.ranking_report import ReportTable

TITLE_BY_METRIC = {
    "ndcg": "nDCG",
    "precision": "precision",
    "recall": "recall",
    "map": "MAP",
    "mrr": "MRR",
    "hit": "hit",
}


def tables_of(evaluation: FileEvaluation) -> list[ReportTable]:
    """To read: the metrics at each length, those beyond accuracy, the paired comparisons, the seconds."""
    entries = evaluation.entries
    beyond_accuracy = {entry.name: entry.shelf for entry in entries}
    return [
        *(_metrics(evaluation, k) for k in evaluation.terms.ks),
        beyond_accuracy_table("The shelf", list(entries[0].shelf), beyond_accuracy),
        _paired(evaluation),
        seconds_table(entries, "list", "to answer all customers"),
    ]


def figures_of(evaluation: FileEvaluation) -> ReportTable:
    """For a machine: a row for each list, metric and length, with the ends of the interval."""
    rows = [
        (entry.name, name, value.mean, value.low, value.high, entry.known[name])
        for entry in evaluation.entries
        for name, value in entry.metrics.items()
    ]
    beyond_accuracy = [
        (entry.name, name, value, "", "", "") for entry in evaluation.entries for name, value in entry.shelf.items()
    ]
    return ReportTable("Figures", ("list", "name", "mean", "low", "high", "known"), [*rows, *beyond_accuracy])


def _metrics(evaluation: FileEvaluation, k: int) -> ReportTable:
    rows = [
        (entry.name, *(estimate_cell(entry.metrics[f"{name}@{k}"]) for name in TITLE_BY_METRIC))
        for entry in evaluation.entries
    ]
    columns = ("list", *(f"{title}@{k}" for title in TITLE_BY_METRIC.values()))
    return ReportTable(f"Lists of {k}", columns, rows, INTERVAL_NOTE)


def _paired(evaluation: FileEvaluation) -> ReportTable:
    rows = [
        (entry.name, baseline, *difference_cells(comparison), comparison.words)
        for entry in evaluation.entries
        for baseline, comparison in entry.against.items()
    ]
    columns = ("list", "against", "difference", "95 % interval", "verdict")
    return ReportTable(f"Paired differences in nDCG@{evaluation.terms.k}", columns, rows)

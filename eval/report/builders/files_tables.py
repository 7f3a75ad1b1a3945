"""Tables of the report on two given files."""

from eval.files.results import FileEvaluation
from eval.report.builders.tables import (
    beyond_accuracy_table,
    difference_cells,
    metrics_table,
    seconds_table,
)
from eval.report.ranking_report import ReportTable

METRICS = ("ndcg", "precision", "recall", "map", "mrr", "hit")


def tables_of(evaluation: FileEvaluation) -> list[ReportTable]:
    """To read: the metrics at each length, those beyond accuracy, the paired comparisons, the seconds."""
    entries = evaluation.entries
    metrics = {entry.name: entry.metrics for entry in entries}
    beyond_accuracy = {entry.name: entry.shelf for entry in entries}
    return [
        *(metrics_table(f"Lists of {k}", [f"{name}@{k}" for name in METRICS], metrics) for k in evaluation.terms.ks),
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


def _paired(evaluation: FileEvaluation) -> ReportTable:
    rows = [
        (entry.name, baseline, *difference_cells(comparison), comparison.words)
        for entry in evaluation.entries
        for baseline, comparison in entry.against.items()
    ]
    columns = ("list", "against", "difference", "95 % interval", "verdict")
    return ReportTable(f"Paired differences in nDCG@{evaluation.terms.k}", columns, rows)

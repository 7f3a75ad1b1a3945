"""Tables of the report on predicted ratings, and the glossary of their metrics."""

from collections.abc import Mapping

from eval.ratings.results import RatingEvaluation
from eval.report.builders.tables import INTERVAL_NOTE, difference_cells, estimate_cell, seconds_table
from eval.report.ranking_report import ReportTable

GLOSSARY: Mapping[str, str] = {
    "RMSE": "Root of the mean squared error, in points: large misses weigh more than small ones. 0 is always right.",
    "MAE": "Mean absolute error, in points: by how much a prediction misses on average, either way.",
    "95 % interval": "Had other customers of the same kind been asked, the figure would lie in here 95 times of 100. "
    "Made by drawing the customers anew, with replacement, a thousand times or more (bootstrap).",
    "p_holm": "How likely luck alone makes such a difference, where several are looked at together (Holm 1979).",
    "global mean": "The mean of all ratings, for every customer and item.",
    "item mean": "What all others gave the item, on average.",
    "user mean": "What the customer gives, on average.",
    "baseline": "The mean of all ratings, and by how much the item and the customer usually differ from it, both "
    "shrunk towards 0 where there are few ratings.",
    "auto": "The baseline, and what several models add to it, each weighted by its gain on held-back ratings.",
    "paired": "Both are compared on the same ratings of the same customers, so that what differs between customers "
    "cancels out.",
}


def tables_of(evaluation: RatingEvaluation) -> list[ReportTable]:
    """To read: the figures, the paired comparisons, the seconds."""
    figures = [(entry.name, estimate_cell(entry.rmse), estimate_cell(entry.mae)) for entry in evaluation.entries]
    paired = [
        (entry.name, rival, *difference_cells(gain), gain.verdict)
        for entry in evaluation.entries
        for rival, gain in entry.against.items()
    ]
    columns = ("prediction", "against", "RMSE smaller by", "95 % interval", "verdict")
    note = "Verdicts hold among all of the table (Holm 1979)."
    return [
        ReportTable("How far off", ("prediction", "RMSE", "MAE"), figures, INTERVAL_NOTE),
        ReportTable("Paired differences in RMSE", columns, paired, note),
        seconds_table(evaluation.entries, "prediction", "to predict all"),
    ]


def figures_of(evaluation: RatingEvaluation) -> ReportTable:
    """For a machine: a row for each prediction and metric, with the ends of the interval."""
    rows = [
        (entry.name, name, value.mean, value.low, value.high)
        for entry in evaluation.entries
        for name, value in (("rmse", entry.rmse), ("mae", entry.mae))
    ]
    return ReportTable("Figures", ("prediction", "name", "mean", "low", "high"), rows)

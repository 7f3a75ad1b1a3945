"""The full tables of predicted ratings, and what their names mean."""

from collections.abc import Mapping

from eval.ratings.run import RatingEntry, RatingEvaluation
from eval.report.story import StoryTable
from eval.stats.intervals import Estimate

GLOSSARY: Mapping[str, str] = {
    "RMSE": "Root of the mean squared error, in points: large misses weigh more than small ones. 0 is always right.",
    "MAE": "Mean absolute error, in points: by how much a prediction misses on average, either way.",
    "95 % interval": "Had other customers of the same kind been asked, the figure would lie in here 95 times of 100. "
    "Made by drawing the customers anew, with replacement, a thousand times or more (bootstrap).",
    "p_holm": "How likely luck alone makes such a difference, where several are looked at together (Holm 1979).",
    "global mean": "The same for everything and everybody: the mean of all ratings.",
    "item mean": "What all others gave the item, on average.",
    "user mean": "What the customer gives, on average.",
    "baseline": "The mean of all ratings, and by how much the item and the customer usually differ from it, both drawn "
    "to nothing where little is known.",
    "auto": "The baseline, and what several models add to it, each by what ratings held back say it is worth.",
    "paired": "Both are compared on the same ratings of the same customers, so that what differs between customers "
    "cancels out.",
}


def tables_of(found: RatingEvaluation) -> list[StoryTable]:
    """To read: the figures, the paired comparisons, the seconds."""
    figures = [(entry.name, _cell(entry.rmse), _cell(entry.mae)) for entry in found.entries]
    paired = [
        (entry.name, base, f"{told.difference:+.4f}", f"{told.low:+.4f} to {told.high:+.4f}", told.verdict)
        for entry in found.entries
        for base, told in entry.against.items()
    ]
    seconds = [(entry.name, f"{entry.fit_seconds:.1f}", f"{entry.answer_seconds:.1f}") for entry in found.entries]
    columns = ("prediction", "against", "RMSE smaller by", "95 % interval", "verdict")
    return [
        StoryTable("How far off", ("prediction", "RMSE", "MAE"), figures, "± is half of the 95 % interval."),
        StoryTable("Paired differences in RMSE", columns, paired, "Verdicts hold among all of the table (Holm 1979)."),
        StoryTable("Seconds", ("prediction", "to learn", "to predict all"), seconds),
    ]


def figures_of(found: RatingEvaluation) -> StoryTable:
    """For a machine: a row for each prediction and figure, with the ends of the interval."""
    rows = [
        (entry.name, name, value.mean, value.low, value.high)
        for entry in found.entries
        for name, value in _figures(entry).items()
    ]
    return StoryTable("Figures", ("prediction", "name", "mean", "low", "high"), rows)


def _figures(entry: RatingEntry) -> dict[str, Estimate]:
    return {"rmse": entry.rmse, "mae": entry.mae}


def _cell(value: Estimate) -> str:
    return f"{value.mean:.4f}\n±{(value.high - value.low) / 2:.4f}"

"""Output of an evaluation of predicted ratings: a table, plain data, and every prediction as a row."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Group
from rich.table import Table

from eval.files.file_rows import dropped_notes
from eval.formatting import open_table
from eval.protocol import BASELINE
from eval.ratings.results import RatingEntry, RatingEvaluation
from recsys.data.files.spreadsheet_csv import write_csv

READING = (
    "RMSE, MAE: how far predictions are off, in points of the scale; lower is better. ±: half of the 95 % interval of "
    "RMSE over customers. baseline: how the item and the customer rate on average; the last column compares with it."
)


def rendered(evaluation: RatingEvaluation) -> Group:
    """The table with its explanation."""
    return Group(_head(evaluation), "", _table(evaluation), "", READING, *_notes(evaluation))


def as_data(evaluation: RatingEvaluation) -> dict[str, Any]:
    """Everything but the predictions, as JSON types."""
    return {
        "protocol": {
            "task": "rating",
            "seed": evaluation.seed,
            "customers": evaluation.n_customers,
            "strangers": evaluation.n_strangers,
            "ratings": len(evaluation.truth.value),
            "unknown_items": evaluation.n_unknown_items,
            "scale": list(evaluation.scale),
            "interval": "95 %, bootstrap over customers",
        },
        "train": asdict(evaluation.train),
        "test": asdict(evaluation.test),
        "models": [_entry_data(entry) for entry in evaluation.entries],
    }


def write_predictions(evaluation: RatingEvaluation, path: Path) -> None:
    """user, item, prediction, truth, model: a row for each rating of the test file and each model, as CSV."""
    frame = evaluation.truth.frame.select(user="user_id", item="item_id")
    with path.open("wb") as file:
        for at, (name, predictions) in enumerate(evaluation.predictions.items()):
            rows = frame.with_columns(
                prediction=pl.Series(predictions), truth=pl.Series(evaluation.truth.value), model=pl.lit(name)
            )
            write_csv(rows, file, include_header=at == 0)


def _entry_data(entry: RatingEntry) -> dict[str, Any]:
    data = asdict(entry)
    data["metrics"] = {"rmse": data.pop("rmse"), "mae": data.pop("mae")}
    for base, gain in entry.against.items():
        data["against"][base]["verdict"] = gain.verdict
    return data


def _head(evaluation: RatingEvaluation) -> str:
    low, high = evaluation.scale
    return (
        f"{len(evaluation.truth.value):,} ratings of {evaluation.n_customers:,} customers, predicted on a scale from "
        f"{low:g} to {high:g} after {evaluation.train.used:,} ratings of {evaluation.train.path}; "
        f"seed {evaluation.seed}."
    )


def _table(evaluation: RatingEvaluation) -> Table:
    table = open_table("model", ("RMSE", "±", "MAE", "fit s", "ask s"))
    table.add_column("against the baseline")
    for entry in evaluation.entries:
        rmse = entry.rmse
        numbers = [rmse.mean, (rmse.high - rmse.low) / 2, entry.mae.mean]
        seconds = [f"{seconds:.1f}" for seconds in (entry.fit_seconds, entry.answer_seconds)]
        table.add_row(entry.name, *(f"{number:.4f}" for number in numbers), *seconds, _verdict(entry))
    return table


def _verdict(entry: RatingEntry) -> str:
    gain = entry.against.get(BASELINE)
    if gain is None:
        return ""
    words = {"better": "better", "worse": "worse", "level": "cannot tell", "too few": "too few customers to tell"}
    return f"{words[gain.verdict]} ({gain.low:+.4f} to {gain.high:+.4f})"


def _notes(evaluation: RatingEvaluation) -> list[str]:
    """Rows left out and why, strangers, and the parts of `auto`."""
    notes = dropped_notes((evaluation.train, evaluation.test))
    notes += evaluation.test.double_notes("each is judged by itself")
    if evaluation.n_strangers:
        notes.append(
            f"{evaluation.n_strangers:,} customers are not in the training file: they get what everybody says."
        )
    if evaluation.n_unknown_items:
        notes.append(
            f"{evaluation.n_unknown_items:,} items are not in the training file: they get the customer's level."
        )
    for entry in evaluation.entries:
        if entry.kind == "auto":
            blend = ", ".join(f"{name} {weight:.2f}" for name, weight in entry.settings["weights"].items())
            notes.append(f"{entry.name} adds {blend or 'nothing'} to the baseline, chosen by ratings held back.")
    return notes

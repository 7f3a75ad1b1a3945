"""An evaluation of predicted ratings: as a table for the terminal, as plain data, and every prediction as a row."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Group
from rich.table import Table

from eval.files.loader import doubles_told
from eval.protocol import BASELINE
from eval.ratings.results import RatingEntry, RatingEvaluation

READING = (
    "RMSE, MAE: how far predictions are off, in points of the scale; lower is better. ±: half of the 95 % interval of "
    "RMSE over customers. baseline: how the item and the customer rate on average; the last column compares with it."
)


def rendered(found: RatingEvaluation) -> Group:
    """The table, and what one must know to read it."""
    return Group(_head(found), "", _table(found), "", READING, *_notes(found))


def as_data(found: RatingEvaluation) -> dict[str, Any]:
    """Everything but the predictions, as JSON types."""
    return {
        "protocol": {
            "task": "rating",
            "seed": found.seed,
            "customers": found.n_customers,
            "strangers": found.n_strangers,
            "ratings": len(found.truth.value),
            "unknown_items": found.n_unknown_items,
            "scale": list(found.scale),
            "interval": "95 %, bootstrap over customers",
        },
        "train": asdict(found.train),
        "test": asdict(found.test),
        "models": [_entry(entry) for entry in found.entries],
    }


def write_predictions(found: RatingEvaluation, path: Path) -> None:
    """user, item, prediction, truth, model: a row for each rating of the test file and each model, as CSV."""
    frame = found.truth.frame.select(user="user_id", item="item_id")
    with path.open("wb") as file:
        for at, (name, predictions) in enumerate(found.predictions.items()):
            rows = frame.with_columns(
                prediction=pl.Series(predictions), truth=pl.Series(found.truth.value), model=pl.lit(name)
            )
            rows.write_csv(file, include_header=at == 0)


def _entry(entry: RatingEntry) -> dict[str, Any]:
    told = asdict(entry)
    told["metrics"] = {"rmse": told.pop("rmse"), "mae": told.pop("mae")}
    for base, closer in entry.against.items():
        told["against"][base]["verdict"] = closer.verdict
    return told


def _head(found: RatingEvaluation) -> str:
    low, high = found.scale
    return (
        f"{len(found.truth.value):,} ratings of {found.n_customers:,} customers, predicted on a scale from {low:g} to "
        f"{high:g} after {found.train.used:,} ratings of {found.train.path}; seed {found.seed}."
    )


def _table(found: RatingEvaluation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", overflow="fold")
    for heading in ("RMSE", "±", "MAE", "fit s", "ask s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("against the baseline")
    for entry in found.entries:
        rmse = entry.rmse
        numbers = [rmse.mean, (rmse.high - rmse.low) / 2, entry.mae.mean]
        seconds = [f"{seconds:.1f}" for seconds in (entry.fit_seconds, entry.answer_seconds)]
        table.add_row(entry.name, *(f"{number:.4f}" for number in numbers), *seconds, _verdict(entry))
    return table


def _verdict(entry: RatingEntry) -> str:
    closer = entry.against.get(BASELINE)
    if closer is None:
        return ""
    words = {"better": "better", "worse": "worse", "level": "cannot tell", "too few": "too few customers to tell"}
    return f"{words[closer.verdict]} ({closer.low:+.4f} to {closer.high:+.4f})"


def _notes(found: RatingEvaluation) -> list[str]:
    """What was left out and why, who is a stranger, and what `auto` chose."""
    notes = [
        f"{facts.path}: {count:,} of {facts.rows:,} rows left out: {why}."
        for facts in (found.train, found.test)
        for why, count in facts.dropped.items()
    ]
    notes += doubles_told(found.test, "each is judged by itself")
    if found.n_strangers:
        notes.append(f"{found.n_strangers:,} customers are not in the training file: they get what everybody says.")
    if found.n_unknown_items:
        notes.append(f"{found.n_unknown_items:,} items are not in the training file: they get the customer's level.")
    for entry in found.entries:
        if entry.kind == "auto":
            blend = ", ".join(f"{name} {weight:.2f}" for name, weight in entry.settings["weights"].items())
            notes.append(f"{entry.name} adds {blend or 'nothing'} to the baseline, chosen by ratings held back.")
    return notes

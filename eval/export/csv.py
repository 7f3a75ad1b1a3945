"""CSV export of an evaluation, for a spreadsheet or other programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from eval.backtest.results import Evaluation
from eval.files.results import Entry, FileEvaluation
from eval.scoring.scorer import Result
from recsys.data.files.spreadsheet_csv import write_csv
from recsys.time_units import date

EVERY = "all"  # windows, or customers

CsvRow = tuple[str | float | int, ...]
Tables = Mapping[str, tuple[Sequence[str], Iterable[CsvRow]]]  # by the file's name: columns and rows
Part = tuple[CsvRow, Result]  # with the key of its rows

KEYS = ("task", "list", "kind", "window", "slice", "group", "customers")
FIGURES = (*KEYS, "metric", "mean", "low", "high")
COMPARISONS = (
    *KEYS,
    "against",
    "list_ndcg",
    "against_ndcg",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "verdict",
    "words",
)
BEYOND_ACCURACY = ("task", "list", "kind", "measure", "value")
FILE_KEYS = ("task", "list", "kind", "slice", "group", "customers")
FILE_FIGURES = (*FILE_KEYS, "metric", "mean", "low", "high")
FILE_COMPARISONS = (*FILE_KEYS, "metric", *COMPARISONS[len(KEYS) :])
SETTINGS = ("list", "model", "setting", "source", "value")
WINDOWS = ("window", "until", "customers", "items", "held_back", "repeat_share", "seconds")


def write_backtest_tables(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Writes figures.csv, comparisons.csv, shelf.csv and windows.csv into the folder, which is made if it is missing.

    An empty cell stands for a value that could not be measured.
    """
    parts = list(_backtest_parts(evaluation))
    tables: Tables = {
        "figures": (FIGURES, _figures(parts)),
        "comparisons": (COMPARISONS, _comparisons(parts)),
        "shelf": (BEYOND_ACCURACY, _beyond_accuracy(evaluation)),
        "windows": (WINDOWS, _windows(evaluation)),
    }
    return _write(tables, folder)


def write_file_tables(evaluation: FileEvaluation, folder: Path) -> list[Path]:
    """The same for two given files: figures.csv, comparisons.csv, shelf.csv and settings.csv.

    task: "all"; where known items may be shown also "repeat" and "new".  source: "asked" for settings that were given,
    "resolved" for those of the fitted model.
    """
    parts = [part for entry in evaluation.entries for part in _file_parts(entry, evaluation.n_customers)]
    ndcg_parts = [((*key, f"ndcg@{evaluation.terms.k}"), result) for key, result in parts]
    beyond_accuracy = ((e.name, e.kind, name, value) for e in evaluation.entries for name, value in e.shelf.items())
    tables: Tables = {
        "figures": (FILE_FIGURES, _figures(parts)),
        "comparisons": (FILE_COMPARISONS, _comparisons(ndcg_parts)),
        "shelf": (BEYOND_ACCURACY[1:], beyond_accuracy),
        "settings": (SETTINGS, _settings(evaluation.entries)),
    }
    return _write(tables, folder)


def _file_parts(entry: Entry, n: int) -> Iterator[Part]:
    yield (EVERY, entry.name, entry.kind, EVERY, EVERY, n), Result(n, entry.metrics, entry.against)
    for task, part in entry.parts.items():
        yield (task, entry.name, entry.kind, EVERY, EVERY, part.n_customers), part
    for group in entry.groups:
        yield (EVERY, entry.name, entry.kind, group.slice, group.name, group.result.n_customers), group.result


def _settings(entries: Sequence[Entry]) -> Iterator[CsvRow]:
    """One row for each setting of each model; `auto` has several models."""
    for entry in entries:
        for source, values in (("asked", entry.settings), ("resolved", entry.resolved)):
            models = values.get("models", values) if entry.kind == "auto" else {entry.name: values}
            for model, settings in models.items():
                for setting, value in settings.items():
                    if isinstance(value, bool | int | float | str):
                        yield entry.name, model, setting, source, str(value)


def _write(tables: Tables, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (columns, rows) in tables.items():
        frame = pl.DataFrame(list(rows), schema=list(columns), orient="row", infer_schema_length=None, strict=False)
        paths.append(folder / f"{name}.csv")
        write_csv(frame.fill_nan(None), paths[-1])
    return paths


def _backtest_parts(evaluation: Evaluation) -> Iterator[Part]:
    for task in evaluation.tasks:
        for line in task.lines:
            names, pooled = (task.name, line.name, line.kind), line.pooled
            yield (*names, EVERY, EVERY, EVERY, pooled.n_customers), pooled
            for window, result in zip(evaluation.windows, line.windows, strict=True):
                yield (*names, date(window.cut), EVERY, EVERY, result.n_customers), result
            for group in line.groups:
                yield (*names, EVERY, group.slice, group.name, group.result.n_customers), group.result


def _figures(parts: Iterable[Part]) -> Iterator[CsvRow]:
    for key, result in parts:
        for metric, value in result.metrics.items():
            yield *key, metric, value.mean, value.low, value.high


def _comparisons(parts: Iterable[Part]) -> Iterator[CsvRow]:
    for key, result in parts:
        for rival, c in result.against.items():
            values = (c.challenger, c.champion, c.difference, c.low, c.high, c.p, c.p_holm)
            yield *key, rival, *values, c.verdict, c.words


def _beyond_accuracy(evaluation: Evaluation) -> Iterator[CsvRow]:
    for task in evaluation.tasks:
        for line in task.lines:
            for measure, value in line.shelf.items():
                yield task.name, line.name, line.kind, measure, value


def _windows(evaluation: Evaluation) -> Iterator[CsvRow]:
    for w in evaluation.windows:
        yield date(w.cut), date(w.until), w.n_customers, w.n_items, w.n_held_back, w.repeat_share, w.seconds

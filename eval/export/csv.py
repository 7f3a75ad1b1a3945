"""CSV export of an evaluation, for a spreadsheet or other programs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from eval.backtest.results import Evaluation, ListSummary
from eval.files.results import Entry, FileEvaluation
from eval.scoring.results import Result
from eval.stats.paired import Comparison
from recsys.time_units import date

EVERY = "all"  # windows, or customers

CsvRow = tuple[str | float | int, ...]
Tables = Mapping[str, tuple[Sequence[str], Iterable[CsvRow]]]  # by the file's name: columns and rows
Scope = tuple[str, str, str]  # window, slice, group

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
    tables: Tables = {
        "figures": (FIGURES, _result_rows(evaluation, _figures)),
        "comparisons": (COMPARISONS, _result_rows(evaluation, lambda result: _comparisons(result.against))),
        "shelf": (BEYOND_ACCURACY, _beyond_accuracy(evaluation)),
        "windows": (WINDOWS, _windows(evaluation)),
    }
    return _write(tables, folder)


def write_file_tables(evaluation: FileEvaluation, folder: Path) -> list[Path]:
    """The same for two given files: figures.csv, comparisons.csv, shelf.csv and settings.csv.

    task: "all"; where known items may be shown also "repeat" and "new".  source: "asked" for settings that were given,
    "resolved" for those of the fitted model.
    """
    parts = [(key, part) for entry in evaluation.entries for key, part in _file_parts(entry, evaluation.n_customers)]
    figures = ((*key, name, f.mean, f.low, f.high) for key, part in parts for name, f in part.metrics.items())
    ndcg = f"ndcg@{evaluation.terms.k}"
    comparisons = ((*key, ndcg, *row) for key, part in parts for row in _comparisons(part.against))
    beyond_accuracy = ((e.name, e.kind, name, value) for e in evaluation.entries for name, value in e.shelf.items())
    tables: Tables = {
        "figures": (FILE_FIGURES, figures),
        "comparisons": (FILE_COMPARISONS, comparisons),
        "shelf": (BEYOND_ACCURACY[1:], beyond_accuracy),
        "settings": (SETTINGS, _settings(evaluation.entries)),
    }
    return _write(tables, folder)


def _file_parts(entry: Entry, n: int) -> Iterator[tuple[CsvRow, Result]]:
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
        frame.fill_nan(None).write_csv(paths[-1])
    return paths


def _result_rows(evaluation: Evaluation, rows: Callable[[Result], Iterator[CsvRow]]) -> Iterator[CsvRow]:
    for task in evaluation.tasks:
        for line in task.lines:
            for scope, result in _scopes(evaluation, line):
                for row in rows(result):
                    yield (task.name, line.name, line.kind, *scope, result.n_customers, *row)


def _scopes(evaluation: Evaluation, line: ListSummary) -> Iterator[tuple[Scope, Result]]:
    yield (EVERY, EVERY, EVERY), line.pooled
    for window, result in zip(evaluation.windows, line.windows, strict=True):
        yield (date(window.cut), EVERY, EVERY), result
    for group in line.groups:
        yield (EVERY, group.slice, group.name), group.result


def _figures(result: Result) -> Iterator[CsvRow]:
    for metric, value in result.metrics.items():
        yield metric, value.mean, value.low, value.high


def _comparisons(against: Mapping[str, Comparison]) -> Iterator[CsvRow]:
    for rival, c in against.items():
        yield rival, c.challenger, c.champion, c.difference, c.low, c.high, c.p, c.p_holm, c.verdict, c.words


def _beyond_accuracy(evaluation: Evaluation) -> Iterator[CsvRow]:
    for task in evaluation.tasks:
        for line in task.lines:
            for measure, value in line.shelf.items():
                yield task.name, line.name, line.kind, measure, value


def _windows(evaluation: Evaluation) -> Iterator[CsvRow]:
    for w in evaluation.windows:
        yield date(w.cut), date(w.until), w.n_customers, w.n_items, w.n_held_back, w.repeat_share, w.seconds

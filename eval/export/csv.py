"""An evaluation as plain tables, for a spreadsheet or code of one's own."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from eval.backtest.results import Evaluation, ListSummary
from eval.files.run import FileEvaluation
from eval.files.scoring import Entry
from eval.formatting import date
from eval.scoring.results import Result
from eval.stats.paired import Comparison

EVERY = "all"  # windows, or customers

CsvRow = tuple[str | float | int, ...]
Tables = Mapping[str, tuple[Sequence[str], Iterable[CsvRow]]]  # by the file's name: columns and rows
Scope = tuple[str, str, str]  # window, slice, group

WHERE = ("task", "list", "kind", "window", "slice", "group", "customers")
FIGURES = (*WHERE, "metric", "mean", "low", "high")
COMPARISONS = (
    *WHERE,
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
SHELF = ("task", "list", "kind", "measure", "value")
OWN = ("task", "list", "kind", "slice", "group", "customers")
OWN_FIGURES = (*OWN, "metric", "mean", "low", "high")
OWN_COMPARISONS = (*OWN, "metric", *COMPARISONS[len(WHERE) :])
SETTINGS = ("list", "model", "setting", "source", "value")
WINDOWS = ("window", "until", "customers", "items", "held_back", "repeat_share", "seconds")


def write_tables(evaluation: Evaluation, folder: Path) -> list[Path]:
    """figures.csv, comparisons.csv, shelf.csv and windows.csv in that folder, made where it is not there.

    An empty cell is what could not be measured.
    """
    tables: Tables = {
        "figures": (FIGURES, _of_results(evaluation, _figures)),
        "comparisons": (COMPARISONS, _of_results(evaluation, _comparisons)),
        "shelf": (SHELF, _shelf(evaluation)),
        "windows": (WINDOWS, _windows(evaluation)),
    }
    return _written(tables, folder)


def write_own_tables(found: FileEvaluation, folder: Path) -> list[Path]:
    """The same of two given files: figures.csv, comparisons.csv, shelf.csv and settings.csv.

    task: all, and where what customers have may be shown, repeat and new.  source: what was asked for, or what the
    fitted model has.
    """
    parts = [(where, part) for entry in found.entries for where, part in _own_parts(entry, found.n_customers)]
    figures = ((*where, name, f.mean, f.low, f.high) for where, part in parts for name, f in part.metrics.items())
    ndcg = f"ndcg@{found.terms.k}"
    against = ((*where, ndcg, *row) for where, part in parts for row in _compared(part.against))
    shelf = ((e.name, e.kind, measure, value) for e in found.entries for measure, value in e.shelf.items())
    tables: Tables = {
        "figures": (OWN_FIGURES, figures),
        "comparisons": (OWN_COMPARISONS, against),
        "shelf": (SHELF[1:], shelf),
        "settings": (SETTINGS, _settings(found.entries)),
    }
    return _written(tables, folder)


def _own_parts(entry: Entry, n: int) -> Iterator[tuple[CsvRow, Result]]:
    yield (EVERY, entry.name, entry.kind, EVERY, EVERY, n), Result(n, entry.metrics, entry.against)
    for task, part in entry.parts.items():
        yield (task, entry.name, entry.kind, EVERY, EVERY, part.n_customers), part
    for group in entry.groups:
        yield (EVERY, entry.name, entry.kind, group.slice, group.name, group.result.n_customers), group.result


def _settings(entries: Sequence[Entry]) -> Iterator[CsvRow]:
    """One row for each setting of each model; `auto` has several models."""
    for entry in entries:
        for source, told in (("asked", entry.settings), ("resolved", entry.resolved)):
            models = told.get("models", told) if entry.kind == "auto" else {entry.name: told}
            for model, settings in models.items():
                for setting, value in settings.items():
                    if isinstance(value, bool | int | float | str):
                        yield entry.name, model, setting, source, str(value)


def _written(tables: Tables, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (columns, rows) in tables.items():
        frame = pl.DataFrame(list(rows), schema=list(columns), orient="row", infer_schema_length=None, strict=False)
        paths.append(folder / f"{name}.csv")
        frame.fill_nan(None).write_csv(paths[-1])
    return paths


def _of_results(evaluation: Evaluation, rows: Callable[[Result], Iterator[CsvRow]]) -> Iterator[CsvRow]:
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
    for metric, found in result.metrics.items():
        yield metric, found.mean, found.low, found.high


def _comparisons(result: Result) -> Iterator[CsvRow]:
    return _compared(result.against)


def _compared(against: Mapping[str, Comparison]) -> Iterator[CsvRow]:
    for rival, c in against.items():
        yield rival, c.challenger, c.champion, c.difference, c.low, c.high, c.p, c.p_holm, c.verdict, c.words


def _shelf(evaluation: Evaluation) -> Iterator[CsvRow]:
    for task in evaluation.tasks:
        for line in task.lines:
            for measure, value in line.shelf.items():
                yield task.name, line.name, line.kind, measure, value


def _windows(evaluation: Evaluation) -> Iterator[CsvRow]:
    for w in evaluation.windows:
        yield date(w.cut), date(w.until), w.n_customers, w.n_items, w.n_held_back, w.repeat_share, w.seconds

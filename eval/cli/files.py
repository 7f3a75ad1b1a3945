"""Evaluation of lists on two given files, for `recsys evaluate --train --test`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from eval.cli.presentation import Presentation
from eval.cli.reading import read_given
from eval.export.csv import write_file_tables
from eval.export.outputs import Outputs
from eval.files.model_args import memory_errors_named, model_requests
from eval.files.results import FileEvaluation, FileTerms
from eval.files.run import evaluate_files
from eval.files.table import as_data, rendered, write_lists
from eval.report.builders.files import build_report
from eval.report.builders.provenance import with_run_id
from recsys.data.files.column_mapping import ColumnMapping
from recsys.progress import StepLog

FILES = Presentation(
    rendered, lambda evaluation: with_run_id(as_data(evaluation)), build_report, write_file_tables, write_lists
)


def evaluate_lists(
    files: tuple[Path, Path],
    terms: FileTerms,
    models: Sequence[str],
    written: ColumnMapping,
    outputs: Outputs,
    items: Path | None = None,
) -> None:
    """Learns from the first file and evaluates on the second.  models: the values of --model.

    written: how the files are written, with the columns of --map.  items: a file with the names of items.
    """
    requests = model_requests(models)

    def run(steps: StepLog) -> FileEvaluation:
        train, test = read_given(files, items, written, steps)
        with tempfile.TemporaryDirectory() as folder, memory_errors_named(steps):
            return evaluate_files(train, test, requests, terms, Path(folder), steps)

    FILES.run(run, outputs)

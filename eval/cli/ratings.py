"""Evaluation of predicted ratings on two given files, for `recsys evaluate --task rating`."""

from collections.abc import Sequence
from pathlib import Path

from eval.cli.presentation import Presentation, reading_progress
from eval.export.outputs import Outputs
from eval.files.item_names import read_item_names
from eval.files.loader import check_shared, read_rows
from eval.files.model_args import memory_errors_named, rating_learners
from eval.files.timestamps import check_order
from eval.ratings.results import RatingEvaluation
from eval.ratings.run import evaluate_ratings
from eval.ratings.table import as_data, rendered, write_predictions
from eval.report.builders.provenance import with_run_id
from eval.report.builders.ratings import build_page
from recsys.data.files.column_mapping import ColumnMapping
from recsys.progress import StepLog

RATINGS = Presentation(
    rendered, lambda evaluation: with_run_id(as_data(evaluation)), build_page, write_lists=write_predictions
)


def evaluate_predictions(
    files: tuple[Path, Path],
    seed: int,
    models: Sequence[str],
    written: ColumnMapping,
    outputs: Outputs,
    items: Path | None = None,
) -> None:
    """Learns from the first file and evaluates on the second.  models: the values of --model.

    written: how the files are written, with the columns of --map.  items: a file with the names of items.
    """
    learners = rating_learners(models)

    def run(steps: StepLog) -> RatingEvaluation:
        with steps("read"):
            progress = reading_progress(steps)
            train, test = (
                read_rows(file, (), lowest=float("-inf"), written=written, progress=progress.file(file))
                for file in files
            )
            names = read_item_names(items, written) if items is not None else {}
        train, test = train.with_names(names), test.with_names(names)
        check_shared(train, test)
        check_order(train, test)
        with memory_errors_named(steps):
            return evaluate_ratings(train, test, learners, seed, steps)

    RATINGS.run(run, outputs)

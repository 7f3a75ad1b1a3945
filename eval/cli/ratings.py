"""Evaluation of predicted ratings on two given files, for `recsys evaluate --task rating`."""

from collections.abc import Sequence
from pathlib import Path

from eval.cli.presentation import Presentation
from eval.cli.reading import read_given
from eval.export.outputs import Outputs
from eval.files.model_args import memory_errors_named, rating_learners
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
        train, test = read_given(files, items, written, steps, lowest=float("-inf"))
        with memory_errors_named(steps):
            return evaluate_ratings(train, test, learners, seed, steps)

    RATINGS.run(run, outputs)

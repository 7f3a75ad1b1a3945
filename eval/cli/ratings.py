"""`recsys evaluate --task rating`: two files of ratings, and how far off each model is."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


def on_ratings(
    files: tuple[Path, Path], words: tuple[Sequence[str], Sequence[str]], seed: int, outputs: tuple[Path | None, ...]
) -> None:
    """Judges and shows.  words: of --model and of --map; outputs: where lists, JSON and the page go, if anywhere."""
    import orjson
    from rich.console import Console

    from eval.files.loader import check_shared, read_rows
    from eval.files.model_args import enough_memory
    from eval.ratings.run import RatingEvaluation, evaluate_ratings, wanted_ratings
    from eval.ratings.table import as_data, rendered, write_predictions
    from eval.report.builders.provenance import run_id
    from eval.report.builders.ratings import build_page
    from eval.report.html import write_page
    from recsys.cli.progress import steps_shown
    from recsys.progress import StepLog

    models, (lists, json, report) = wanted_ratings(words[0]), outputs

    def run(steps: StepLog) -> RatingEvaluation:
        with steps("read"):
            train, test = (read_rows(file, words[1], lowest=float("-inf")) for file in files)
        check_shared(train, test)
        with enough_memory(steps):
            return evaluate_ratings(train, test, models, seed, steps)

    console = Console()
    evaluation = steps_shown(run, console)
    console.print(rendered(evaluation))
    if lists is not None:
        write_predictions(evaluation, lists)
    if json is not None:
        data = as_data(evaluation)
        json.write_bytes(orjson.dumps({"run": run_id(data), **data}, option=orjson.OPT_INDENT_2))
    if report is not None:
        write_page(build_page(evaluation, datetime.now(UTC)), report)

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

    from eval.own_files import check_shared, read_rows
    from eval.own_models import enough_memory
    from eval.rating_table import as_data, rendered, write_predictions
    from eval.rating_task import RatingEvaluation, evaluate_ratings, wanted_ratings
    from eval.report.page import write_page
    from eval.report.rating_page import run_id, told_of
    from recsys.console import steps_shown
    from recsys.ranking.making import Steps

    models, (lists, json, report) = wanted_ratings(words[0]), outputs

    def run(steps: Steps) -> RatingEvaluation:
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
        write_page(told_of(evaluation, datetime.now(UTC)), report)

"""`recsys compare`: two releases on the same customers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.export.outputs import check_outputs, shop_files

if TYPE_CHECKING:
    from eval.backtest.results import Evaluation
    from recsys.progress import StepLog


def compare(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(help="A version that `recsys releases` lists.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1_000, help="Length of the lists.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Also write everything as JSON to this file.")] = None,
    csv: Annotated[
        Path | None, typer.Option(file_okay=False, help="Also write four tables as CSV into this folder.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page to read and to hand on.")] = None,
) -> None:
    """Compare two releases by what customers bought after both were trained.

    Example: [bold]recsys compare 20171201T000000Z-3f9a 20171208T000000Z-b2c4[/]

    Both are asked as of the moment the newer one was trained, the older one with what customers had done since. Where
    nothing was bought after that there is nothing to judge by: a release that has seen the weeks would only flatter
    itself.
    """
    import orjson
    from rich.console import Console

    from eval.backtest.releases import compare_releases, releases_of
    from eval.backtest.table import as_data, rendered
    from eval.export.csv import write_tables
    from eval.report.builders.releases import build_report
    from eval.report.html import write_page
    from eval.splits.windows import WindowSchedule
    from recsys.cli.progress import steps_shown
    from recsys.learning.recipe import recipe_of

    check_outputs({"--json": json, "--report": report}, shop_files(ctx.obj.home, ctx.obj.file), csv)
    store, file = ctx.obj.store(), ctx.obj.file
    releases = releases_of(ctx.obj.home, file, (first, second), store)
    schedule = WindowSchedule(n_windows=1, k=k, seed=seed)
    recipe = recipe_of(file, validation_days=schedule.days, seed=seed)

    def run(steps: "StepLog") -> "Evaluation":
        return compare_releases(store, releases, recipe, schedule, steps)

    console = Console()
    evaluation = steps_shown(run, console)
    console.print(rendered(evaluation))
    if json is not None:
        json.write_bytes(orjson.dumps(as_data(evaluation), option=orjson.OPT_INDENT_2))
    if csv is not None:
        write_tables(evaluation, csv)
    if report is not None:
        write_page(build_report(evaluation, datetime.now(UTC)), report)

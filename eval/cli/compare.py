"""Command `recsys compare`: two releases on the same customers."""

from pathlib import Path
from typing import Annotated

import typer

from eval.export.outputs import Outputs, shop_files
from recsys.cli.completion import complete_release

JsonOption = Annotated[
    Path | None,
    typer.Option(help="Write everything as JSON to this file too; without a file, print it instead of the tables."),
]
ReleaseArgument = Annotated[
    str, typer.Argument(help="A version that `recsys releases` lists.", autocompletion=complete_release)
]


def compare(
    ctx: typer.Context,
    first: ReleaseArgument,
    second: ReleaseArgument,
    k: Annotated[int, typer.Option("-k", min=1, max=1_000, help="Length of the lists.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    json: JsonOption = None,
    csv: Annotated[
        Path | None, typer.Option(file_okay=False, help="Also write four tables as CSV into this folder.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page to read and to pass on.")] = None,
) -> None:
    """Compare two releases by what customers bought after both were trained.

    Example: [bold]recsys compare 20171201T000000Z-3f9a 20171208T000000Z-b2c4[/]

    Both make their lists as of the moment the newer one was trained; the older one also knows what customers had done
    by then. Only purchases after that moment count: a release cannot be judged by weeks it has learnt from.
    """
    from eval.backtest.releases import compare_releases, open_releases
    from eval.cli.backtest import RELEASES
    from eval.splits.windows import WindowSchedule
    from recsys.learning.recipe import read_recipe

    outputs = Outputs(json, report, csv)
    outputs.check(shop_files(ctx.obj.home, ctx.obj.file))
    store, file = ctx.obj.existing_store(), ctx.obj.file
    releases = open_releases(ctx.obj.home, file, (first, second), store)
    schedule = WindowSchedule(n_windows=1, k=k, seed=seed)
    recipe = read_recipe(file, validation_days=schedule.days, seed=seed)
    RELEASES.run(lambda steps: compare_releases(store, releases, recipe, schedule, steps), outputs, ctx.obj.home)

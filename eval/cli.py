"""`recsys evaluate`: which list is better on the shop's own log, before anybody sees it."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = """
Example: [bold]recsys evaluate --days 28[/]

Cuts the log in time, learns from the past, asks for every customer as of then, and compares with what they bought
after. Best-sellers and own frequency stand beside every model.
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Exit codes: 0 done, 1 something to mend.", rich_help_panel="Judge")(evaluate)


def evaluate(
    ctx: typer.Context,
    days: Annotated[float, typer.Option(min=1, help="Length of the weeks held back, in days.")] = 28.0,
    cut: Annotated[
        datetime | None, typer.Option(help="First day held back (UTC); default: the last --days of the log.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="Length of the lists.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of learning and resampling.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Also write everything as JSON to this file.")] = None,
) -> None:
    """Compare every model and placement with the baselines on the last weeks of the log."""
    import orjson
    from rich.console import Console

    from eval.protocol import Evaluation, Window, evaluate
    from eval.table import as_data, rendered
    from recsys.console import steps_shown
    from recsys.ranking.making import Steps, read, recipe_of

    window = Window(cut_ms=_ms(cut), days=days, k=k, seed=seed)
    recipe = recipe_of(ctx.obj.file, validation_days=days, seed=seed)

    def run(steps: Steps) -> Evaluation:
        with steps("read"):
            snapshot = read(ctx.obj.store())
        with tempfile.TemporaryDirectory() as folder:
            return evaluate(snapshot, recipe, ctx.obj.file, Path(folder) / "bundle", steps, window)

    console = Console()
    evaluation = steps_shown(run, console)
    console.print(rendered(evaluation))
    if json is not None:
        json.write_bytes(orjson.dumps(as_data(evaluation), option=orjson.OPT_INDENT_2))


evaluate.__doc__ = f"{evaluate.__doc__}\n{EXAMPLE}"


def _ms(moment: datetime | None) -> int | None:
    from datetime import UTC

    return None if moment is None else round(moment.replace(tzinfo=UTC).timestamp() * 1000)

"""Commands `recsys promote | rollback`: which release is live for all customers."""

from typing import Annotated

import typer
from rich.console import Console

from recsys.cli.completion import complete_release
from recsys.cli.output import AsJson, print_json

console = Console()

Force = Annotated[
    str | None,
    typer.Option(
        "--force", metavar="REASON", help="Put it live although it was rejected or rolled back; the reason is kept."
    ),
]


def promote(
    ctx: typer.Context,
    version: Annotated[str, typer.Argument(help="Release of `recsys releases`.", autocompletion=complete_release)],
    force: Force = None,
    as_json: AsJson = False,
) -> None:
    """Put a release into service for all customers.

    Example: [bold]recsys promote 20261130T020000Z-3f9a[/]

    A release that the gate rejected, or that a rollback left, needs --force with a reason.
    """
    from training.registry import Registry

    bundle = Registry(ctx.obj.home).promote(version, force=force)
    _print_live(bundle.manifest.version, as_json=as_json)


def rollback(
    ctx: typer.Context,
    version: Annotated[
        str | None,
        typer.Argument(help="Release to go back to; default: the one live before.", autocompletion=complete_release),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier release into service again, and end a canary.

    Example: [bold]recsys rollback[/]

    Run it again to go back further. No rollback goes back to a release that another one left.
    """
    from training.registry import Registry

    _print_live(Registry(ctx.obj.home).rollback(version).manifest.version, as_json=as_json)


def _print_live(version: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"live": version})
    else:
        console.print(f"[green]live:[/] {version}", soft_wrap=True)

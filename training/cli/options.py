"""Options shared by the commands that read files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from recsys.data.checks.finding import Finding


Files = Annotated[list[Path], typer.Argument(help="CSV, TSV, JSONL (each also .gz) or Parquet.", show_default=False)]


Maps = Annotated[
    list[str] | None,
    typer.Option("--map", help="TARGET=COLUMN,... where a column has another name; A+B joins two.", show_default=False),
]


Constants = Annotated[
    list[str] | None, typer.Option("--const", help="TARGET=VALUE for every line; may be repeated.", show_default=False)
]


def _show_odd(findings: "list[Finding]") -> None:
    from training.cli.data_check_report import show_odd

    show_odd(findings, _console())


def _rejects(place: CliContext) -> Path:
    return place.home / "rejects"


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _console() -> "Console":
    from rich.console import Console

    return Console(markup=False, highlight=False, soft_wrap=True)

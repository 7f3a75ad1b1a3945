"""Terminal output of commands: progress of a job, text and tables that keep [brackets] in ids as they are, and JSON."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from recsys.progress import StepLog
from recsys.time_units import second

if TYPE_CHECKING:
    from recsys.versioned_toml.repository import TextVersion  # which loads pydantic

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
PIPED_WIDTH = 1_000  # no line of a table is so long, and none may be cut where a program reads it


def is_terminal() -> bool:
    """Whether people read the output; else a program or a file takes it."""
    return sys.stdout.isatty()


def plain_console() -> Console:
    """A console that prints text as it is."""
    return Console(markup=False, highlight=False, soft_wrap=True)


def print_json(payload: object) -> None:
    """Prints the payload as indented JSON; paths and other objects as their text."""
    import orjson

    typer.echo(orjson.dumps(payload, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Prints a table as wide as the terminal; to a file or pipe, cells with tabs between them and no title."""
    if not is_terminal():
        for row in (columns, *rows):
            typer.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for name in columns:
        table.add_column(name, overflow="fold")  # an id is broken in two rather than cut
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def wide_console() -> Console:
    """A console as wide as the terminal, or wide enough for everything where there is none."""
    return Console() if is_terminal() else Console(width=PIPED_WIDTH)


def run_with_progress(run: Callable[[StepLog], T], console: Console) -> T:
    """Runs the job; shows its current step, and each finished step on a line of its own."""
    n_printed = 0
    steps = StepLog()

    with console.status("starting") as status:

        def show_step(name: str) -> None:
            nonlocal n_printed
            n_printed = _print_finished(steps, n_printed, console)
            status.update(name)

        steps.on_step = show_step
        result = run(steps)
        _print_finished(steps, n_printed, console)
    return result


def _print_finished(steps: StepLog, n_printed: int, console: Console) -> int:
    """Prints the steps after the first `n_printed`; returns how many there are."""
    for name, cost in list(steps.done.items())[n_printed:]:
        console.print(f"  {name:<24} {cost['seconds']:>7.1f} s   {cost['peak_mib']:>6,.0f} MiB peak", highlight=False)
    return len(steps.done)


def key_value_table(rows: dict[str, str]) -> Table:
    """A table of names and values."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/]", value)
    return table


def print_versions(versions: "Sequence[TextVersion]", *, as_json: bool) -> None:
    """The saved versions of a text, one a line."""
    if as_json:
        print_json(versions)
        return
    for version in versions:
        plain_console().print(f"{version.number:>6}  {second(version.at_ms)}  {version.digest}")
